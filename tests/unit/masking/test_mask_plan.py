"""What a run of `verify --masks` divides: zips into shares, shares among tasks."""

from __future__ import annotations

from oilake.jobs.masking.landed_zips import PART_BYTES, LandedZip, share_splits
from oilake.jobs.runtime.filesystem import FileState


def landed(digit: str, size: int | None) -> LandedZip:
    state = None if size is None else FileState(size, 1)
    return LandedZip("train", digit, f"v5/{digit}.zip", f"/landing/v5/{digit}.zip", state)


def test_every_share_of_every_zip_is_in_one_task():
    zips = [landed("0", 5 * PART_BYTES + 1), landed("1", 10), landed("2", None), landed("3", PART_BYTES - 1)]
    shares = share_splits(zips, cores=2)
    splits = sorted((split.archive, split.part, split.parts) for share in shares for split in share)
    assert splits == [
        *(("v5/0.zip", part, 6) for part in range(6)),
        ("v5/1.zip", 0, 1),
        ("v5/2.zip", 0, 1),
        ("v5/3.zip", 0, 1),
    ]
    assert [split.uri for share in shares for split in share if split.archive == "v5/2.zip"] == [None]


def test_small_zips_share_tasks_and_large_ones_do_not():
    small = [landed(digit, 1000) for digit in "0123456789abcdef"]
    large = [landed(digit, 4 * PART_BYTES) for digit in "0123456789abcdef"]
    assert [len(share) for share in share_splits(small, cores=2)] == [2] * 8
    assert len(share_splits(large, cores=2)) == 4 * 16
