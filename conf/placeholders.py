"""How Flickr's "photo unavailable" picture is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_value
from oilake.conf.yaml_loader import load_dataclass


@dataclass(frozen=True)
class Placeholders:
    """`md5s`: known pictures. `at_most_bytes`: by kind, the size up to which one counts where a JPEG is expected."""

    md5s: tuple[str, ...]
    at_most_bytes: dict[str, int]

    def match(self, md5: str | None, kind: str | None, size: int | None, is_jpeg: bool) -> bool:
        """Whether a blob with this MD5, or of this kind and size in place of a JPEG, is such a picture."""
        if md5 in self.md5s:
            return True
        return is_jpeg and size is not None and size <= self.at_most_bytes.get(kind or "", -1)


def load_placeholders(path: str | None = None) -> Placeholders:
    """The packaged list, or the one in the YAML file `path`; ConfigError names what does not fit."""
    file_path = Path(path) if path else files("oilake.conf") / "placeholders.yaml"
    placeholders = load_dataclass(Placeholders, file_path)
    for index, md5 in enumerate(placeholders.md5s):
        if not re.fullmatch("[0-9a-f]{32}", md5):
            raise ConfigError(f"{file_path}: md5s[{index}] must be 32 lower-case hex digits, not {brief_value(md5)}")
    return placeholders
