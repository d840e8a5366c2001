"""Values of data as parts of paths: a plain one as it is, any other by its hash, so that it leads nowhere else."""

from __future__ import annotations

import hashlib
import re

from oilake.conf.errors import StoreError

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
STRANGE = re.compile(r"[^A-Za-z0-9_-]+")
ABSOLUTE = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*:/")
SHOWN = 32
DIGITS = 16


def file_name(value: str) -> str:
    """`value` as one part of a path, without an ending: itself where it is plain, else what is plain of it and its hash.

    Two values never share a name; none holds a separator, a dot or more than 64 characters.
    """
    if PLAIN.fullmatch(value):
        return value
    digest = hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()[:DIGITS]
    return f"{STRANGE.sub('_', value)[:SHOWN].strip('_-') or 'x'}-{digest}"


def leads_out(path: str) -> bool:
    """Whether a relative path, such as a table's log or a note of its files holds, leads out of the folder that it is in."""
    return ABSOLUTE.match(path) is not None or ".." in path.split("/") or "\0" in path


def checked_part(name: str, value: str) -> str:
    """`value` where a reader finds it again by its name, such as a partition's folder; StoreError where it is not plain.

    `name`: what the value is of.
    """
    if not PLAIN.fullmatch(value):
        raise StoreError(
            f"{name} {value!r} cannot be part of a path; only letters, digits, _ and - can: correct it in the release's YAML"
        )
    return value
