"""The verdict on one blob: its status from the closed list, decided by what was seen and what is expected, nothing else."""

from __future__ import annotations

from oilake.conf.placeholders import Placeholders
from oilake.jobs.blobs.records import BlobFacts, ExpectedImage

BAD = ("missing", "unreadable", "not_an_image", "placeholder", "truncated", "size_mismatch", "md5_mismatch")
STATUSES = ("verified", *BAD, "unexpected", "resized", "not_comparable", "no_reference", "size_matches")
CVDF_SIDE = 1024


def decide_status(facts: BlobFacts, image: ExpectedImage | None, placeholders: Placeholders) -> str:
    """One of STATUSES. Equal size and MD5 are verified, whatever the blob holds; `image` is None for no image's blob."""
    if facts.problem is not None:
        return "unreadable"
    if image is None:
        return "unexpected"
    if facts.md5 is not None and facts.md5 == image.md5 and image.size in (None, facts.size):
        return "verified"
    if damage := _damage_status(facts, image, placeholders):
        return damage
    if image.origin == "cvdf" and (_is_resized(facts) or facts.method != "full"):
        return "resized" if facts.method == "full" else "not_comparable"
    if image.origin == "thumbnail":
        return "not_comparable"
    return _comparison_status(facts, image)


def _damage_status(facts: BlobFacts, image: ExpectedImage, placeholders: Placeholders) -> str | None:
    """What is wrong with the bytes themselves."""
    if placeholders.match(facts.md5, facts.media_type, facts.size, image.is_jpeg):
        return "placeholder"
    if facts.method != "full":
        return None
    is_short = image.size is not None and facts.size is not None and facts.size < image.size
    if facts.size == 0:
        return "truncated"
    if facts.media_type is None:
        return "not_an_image"
    return "truncated" if facts.is_whole is False and is_short else None


def _is_resized(facts: BlobFacts) -> bool:
    """Whether it is a readable image with a longest side of at most 1024 pixels, as CVDF makes them."""
    sides = (facts.width, facts.height)
    return facts.is_whole is not False and all(side is not None and 0 < side <= CVDF_SIDE for side in sides)


def _comparison_status(facts: BlobFacts, image: ExpectedImage) -> str:
    if image.size is not None and facts.size != image.size:
        return "size_mismatch"
    if image.md5 is None:
        return "no_reference"
    if facts.md5 is not None:
        return "md5_mismatch"
    return "size_matches" if image.size is not None else "not_comparable"
