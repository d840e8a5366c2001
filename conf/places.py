"""Where tables and files may lie: a folder, or a URI, whose name every library below reads alike."""

from __future__ import annotations

import re

from oilake.conf.errors import ConfigError

# Of all we hand paths to, delta-rs alone undoes %XX, takes a backslash for a slash and refuses control characters.
UNREADABLE = re.compile(r"%[0-9A-Fa-f]{2}|\\|[\x00-\x1f\x7f]|[\ud800-\udfff]")
CONTROL = re.compile(r"[\x00-\x1f\x7f]|[\ud800-\udfff]")
PLAIN_URI = re.compile(r"[A-Za-z0-9._~/:@!$&'()*+,;=\-]*")
SCHEMES = ("file", "s3", "gs", "abfs", "hdfs")


def refuse_odd_warehouse(warehouse: str) -> None:
    """ConfigError where the tables could not be made there, or would come to lie somewhere else."""
    if "://" in warehouse:
        _refuse_odd_uri("warehouse", warehouse)
    elif odd := UNREADABLE.search(warehouse):
        raise ConfigError(
            f"{printable_text(warehouse)}: tables cannot be kept in a folder with {_describe_character(odd[0])} in its "
            "path; take another folder"
        )


def refuse_odd_folder(name: str, folder: str) -> None:
    """ConfigError where the path of a folder of files cannot be read by every library, or not be printed in one line."""
    if "://" in folder:
        _refuse_odd_uri(name, folder)
    elif odd := CONTROL.search(folder):
        raise ConfigError(
            f"{printable_text(folder)}: a path for --{name} must not hold {_describe_character(odd[0])}; take another folder"
        )


def _refuse_odd_uri(name: str, uri: str) -> None:
    scheme, _, rest = uri.partition("://")
    if scheme not in SCHEMES:
        hint = "write s3:// instead" if scheme == "s3n" else f"--{name} takes a folder or s3://bucket/prefix"
        raise ConfigError(f"{printable_text(uri)}: {printable_text(scheme)}:// is not read; {hint}")
    path = rest.partition("?")[0] if name != "warehouse" else rest  # what follows may name a region or an endpoint
    if not PLAIN_URI.fullmatch(path):
        odd = next(character for character in path if not PLAIN_URI.fullmatch(character))
        raise ConfigError(
            f"{printable_text(uri)}: {_describe_character(odd)} in a URI is not read alike by all; give --{name} another"
        )


def _describe_character(odd: str) -> str:
    """What a person sees of the part that does not fit."""
    if odd == "\\":
        return "a backslash"
    return printable_text(odd) if odd.isprintable() else f"the character U+{ord(odd):04X}"


def printable_text(text: str) -> str:
    """The text in one line, what cannot be printed as an escape."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )
