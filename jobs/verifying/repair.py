"""The repair of a check: blobs that are not what the release promises are downloaded again, in their place."""

from __future__ import annotations

import argparse
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from oilake.conf import placeholders
from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.blobs.blob_status import BAD
from oilake.jobs.blobs.locations import locate_blobs
from oilake.jobs.downloading import image_flags
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.tables import parquet_reader
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.verifying.selection import VerifySelection, read_ids
from oilake.jobs.verifying.summary import Verification

TABLE = "blob_checks"
NEUTRAL = {
    "base": "original", "quality": 90, "format": "jpeg", "mirror": None, "resize": None, "rate": None, "connections": None,
    "allow_private": False,
}  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="download again what is bad, and check it")
    image_flags.add_arguments(parser)


def refuse_image_flags(arguments: argparse.Namespace) -> None:
    """ConfigError where a flag about images is given beside --masks."""
    flags = {**NEUTRAL, "method": "full", "images": None, "origin": None, "placeholders": None, "repair": False}
    if odd := [name for name, value in flags.items() if getattr(arguments, name) != value]:
        raise ConfigError(f"--{_flag_name(odd[0])} is about images, and --masks about masks; leave one of them out")


def repair_request(settings: Settings, arguments: argparse.Namespace) -> DownloadRequest | None:
    """How the bad blobs are to be brought, None where --repair is not given; ConfigError where the flags do not fit."""
    if not arguments.repair:
        if odd := [name for name, value in NEUTRAL.items() if getattr(arguments, name) != value]:
            raise ConfigError(f"--{_flag_name(odd[0])} is of --repair; give that too, or leave it out")
        return None
    place = locate_blobs(arguments.blobs)
    if place.is_archive:
        raise ConfigError(f"{place.uri}: an archive is not mended in place; unpack it, and give --blobs the folder")
    request = image_flags.download_request(settings, arguments, arguments.release, place.uri)
    return replace(request, is_anew=True, placeholders=placeholders.load_placeholders(arguments.placeholders))


def find_bad_blobs(warehouse: Warehouse, verification: Verification, wish: VerifySelection) -> pa.Table:
    """`image_id` (sorted, one image may have several) and `key` of the blobs that were asked for and are bad by the check
    that was just published."""
    part, names = (
        {"release": verification.release, "location_id": locate_blobs(verification.location).id},
        ["image_id", "key", "subset"],
    )
    version, filters = parquet_reader.newest_version(warehouse, TABLE), [("status", "in", BAD)]
    assert version is not None
    rows = pa.concat_tables(
        rows for _, rows in parquet_reader.columns_of(warehouse, TABLE, version, part, names, filters)
    )
    if wish.subsets:
        rows = rows.filter(pc.is_in(rows["subset"], pa.array(wish.subsets)))
    if wish.images:
        rows = rows.filter(pc.is_in(rows["image_id"], read_ids(wish.images)))
    rows = rows.filter(pc.is_valid(rows["image_id"]))  # a folder that cannot be listed is of no image
    return rows.select(["image_id", "key"]).sort_by([("image_id", "ascending"), ("key", "ascending")])


def _flag_name(name: str) -> str:
    """A parameter as it is called on the command line."""
    return "from" if name == "base" else name.replace("_", "-")
