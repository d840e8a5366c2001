"""What every source of files answers with, and the two ways in which it can fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

from oilake.conf.errors import InputError

FailureKind = Literal["answer", "forbidden", "slow", "cut", "other"]


@dataclass(frozen=True)
class FailureCause:
    """Why a try failed. `failure`: the server's answer, a forbidden address, too slow, the connection broke, or other.

    `code`: HTTP status, None without an answer. `url`: what was asked last, as it was asked.
    """

    failure: FailureKind = "other"
    code: int | None = None
    url: str | None = None


UNKNOWN_CAUSE = FailureCause()


class RefusedError(InputError):
    """A file that cannot be had, however often one asks; `tries` is how often was asked."""

    def __init__(self, sentence: str, tries: int = 1, cause: FailureCause = UNKNOWN_CAUSE) -> None:
        super().__init__(sentence)
        self.tries, self.cause = tries, cause


class AgainError(Exception):
    """A try that failed and may be repeated.

    `after`: seconds to wait first, where the other side says so. `restart`: the bytes that are there already belong to
    another version of the file.
    """

    def __init__(
        self, sentence: str, after: float | None = None, restart: bool = False, cause: FailureCause = UNKNOWN_CAUSE
    ) -> None:
        super().__init__(sentence)
        self.after, self.restart, self.cause = after, restart, cause


class UnsatisfiableError(Exception):
    """The file ends before the byte asked for: it is whole already, or another one."""


class StoppedError(Exception):
    """The run was interrupted; what came so far stays for the next one."""


@dataclass(frozen=True)
class Version:
    """What tells one state of a file from the next: length in bytes, HTTP validators, MD5 (hex); None is unknown."""

    bytes: int | None = None
    etag: str | None = None
    last_modified: str | None = None
    md5: str | None = None


@dataclass(frozen=True)
class Answer:
    """Bytes of one version of a file, from the byte `start` on.

    `url`: where they come from, behind redirects; `code`: HTTP status. None where the source knows none.
    """

    start: int
    version: Version
    chunks: Iterator[bytes]
    url: str | None = None
    code: int | None = None


@dataclass(frozen=True)
class Source:
    """One kind of place. `head(url, known)`: the version there now; `read(url, start, version)`: its bytes.

    `read` starts at zero where it cannot tell that the file is still `version`. Both raise AgainError and RefusedError.
    """

    head: Callable[[str, Version | None], Version]
    read: Callable[[str, int, Version | None], AbstractContextManager[Answer]]


def range_validator(version: Version | None) -> str | None:
    """What If-Range may carry: a strong ETag, else the date; None where two versions could not be told apart."""
    if version is None:
        return None
    if version.etag and not version.etag.startswith("W/"):
        return version.etag
    return version.last_modified


def is_same_version(ours: Version, theirs: Version) -> bool:
    """Whether nothing that both sides know differs, and at least one thing that identifies the bytes is known."""
    pairs = [(ours.etag, theirs.etag), (ours.last_modified, theirs.last_modified), (ours.md5, theirs.md5)]
    comparable_pairs = [(a, b) for a, b in pairs if a and b]
    lengths = ours.bytes is None or theirs.bytes is None or ours.bytes == theirs.bytes
    return lengths and bool(comparable_pairs) and all(a == b for a, b in comparable_pairs)
