"""The pictures of a download, which some formats hold."""

from __future__ import annotations

import shlex
from pathlib import Path

from oilake.conf.errors import InputError, os_cause


def picture_bytes(pictures: Path, subset: str, image_id: str) -> bytes:
    """The bytes of an image's file; InputError where it is not there."""
    path = pictures / subset / f"{image_id}.jpg"
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{os_cause(error)}; download the images first by `oilake download --release R --to "
            f"{shlex.quote(str(pictures))}`, name another folder by --blobs, or leave images without a picture out by "
            "--blob-status verified"
        ) from None
