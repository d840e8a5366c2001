"""What was stated of a published file's bytes, and how bytes that are there differ from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from oilake.conf.registry import File, StatedBy

PARTIES = {"publisher": "its publisher", "two_parties": "two independent parties", "one_party": "one third party"}
RANKS: tuple[StatedBy, ...] = ("publisher", "two_parties", "one_party")
ACCEPT = "fetch it again (delete it first), or take it as it is with --accept-changed"


@dataclass(frozen=True)
class StatedValue:
    """One value that was stated: of the size in bytes, or of a checksum in hex; `source` is empty of sizes."""

    kind: Literal["size", "md5", "sha256"]
    value: str
    stated_by: StatedBy
    source: str = ""

    def is_binding(self) -> bool:
        """Whether bytes that differ are not the published ones: what one third party computed only warns."""
        return self.stated_by != "one_party"


@dataclass(frozen=True)
class Difference:
    """A stated value and the one that the bytes have."""

    stated: StatedValue
    actual: str

    def as_text(self) -> str:
        """Both values and who stated the first."""
        source = f", {self.stated.source}" if self.stated.source else ""
        expected, actual = (f"{int(v):,} bytes" if self.stated.kind == "size" else f"{self.stated.kind} {v}" for v in
                            (self.stated.value, self.actual))  # fmt: skip
        return f"{actual} where {PARTIES[self.stated.stated_by]} stated {expected}{source}"


def stated_values(file: File) -> list[StatedValue]:
    """All that was stated of a file, the best attested first."""
    stated = []
    if file.size is not None and file.size_stated_by is not None:
        stated.append(StatedValue("size", str(file.size), file.size_stated_by))
    for checksum in file.checksums:
        if checksum.sha256 is not None:
            stated.append(StatedValue("sha256", checksum.sha256, checksum.stated_by, checksum.source))
        elif checksum.md5 is not None:
            stated.append(StatedValue("md5", checksum.md5, checksum.stated_by, checksum.source))
    return sorted(stated, key=lambda value: RANKS.index(value.stated_by))


def stated_checksum(file: File) -> StatedValue | None:
    """The best attested checksum of a file; None where none was stated."""
    return next((value for value in stated_values(file) if value.kind != "size"), None)


def find_differences(file: File, actual: Mapping[str, str | int | None]) -> list[Difference]:
    """What differs from what was stated; `actual`: `size`, `md5` and `sha256`, as far as they are known."""
    known_values = {kind: str(value) for kind, value in actual.items() if value is not None}
    return [
        Difference(stated, known_values[stated.kind])
        for stated in stated_values(file)
        if stated.kind in known_values and known_values[stated.kind] != stated.value
    ]


def refusal_text(differences: list[Difference]) -> str | None:
    """What binds and is not met, with the remedy; None where nothing binding differs."""
    binding = [difference.as_text() for difference in differences if difference.stated.is_binding()]
    return f"it is not the published file: {'; '.join(binding)}; {ACCEPT}" if binding else None


def warning_text(differences: list[Difference]) -> str:
    """What differs, of bytes that are taken all the same."""
    return f"taken, though it has {'; '.join(difference.as_text() for difference in differences)}"
