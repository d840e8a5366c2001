"""Writes images, boxes and labels of a release in the format of another program, with licence, citation and attribution."""

from __future__ import annotations

import argparse
import json
import shutil

from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.downloading.selection import image_choice
from oilake.jobs.exporting.companion_files import write_companions
from oilake.jobs.exporting.export_folder import export_place
from oilake.jobs.exporting.finished_shards import drop_shards
from oilake.jobs.exporting.formats import FORMATS, WITH_PICTURES, Counts, format_writer
from oilake.jobs.exporting.opened_export import open_export
from oilake.jobs.exporting.request import ExportRequest
from oilake.jobs.exporting.stored_export import refuse_other_files, spool_folder, store_export, stored_place
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.runtime.whole_folder import whole_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("format", choices=FORMATS, help="what is written")
    options.add_release(parser, "release that is exported, such as v7", required=True)
    parser.add_argument(
        "--out", required=True, metavar="PLACE", help="a new folder or s3://bucket/prefix, or that of an earlier export"
    )
    options.add_image_choice(parser, "images and marks", "--mid, or of the classes of --per-class")
    parser.add_argument(
        "--blob-status", action="append", default=[], metavar="STATUS",
        help="only images whose best blob `verify` judged so, such as verified (repeatable)",
    )  # fmt: skip
    parser.add_argument(
        "--per-class", type=int, metavar="N", help="at most N images of each class and subset, drawn by --seed"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of --per-class (default: 0)")
    parser.add_argument("--sizes", metavar="FILE", help="sides in pixels: a CSV file of image_id,width,height")
    parser.add_argument(
        "--blobs",
        metavar="FOLDER",
        help=f"of {', '.join(WITH_PICTURES)}: where <subset>/<image_id>.jpg are, whose bytes go into the export",
    )
    options.add_places(parser, "warehouse", "landing", "registry")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings, request = options.load_settings(arguments), _export_request(arguments)
    counts, place = export(settings, request), request.uri or str(request.place)
    if arguments.json:
        print_text(json.dumps({"format": request.format, "place": place, **counts}))
    else:
        print_text(f"{place}: " + ", ".join(f"{count:,} {noun}" for noun, count in counts.items()))
    return 0


def _export_request(arguments: argparse.Namespace) -> ExportRequest:
    images = image_choice(arguments)
    if arguments.per_class is not None and arguments.per_class < 1:
        raise ConfigError(f"--per-class must be at least 1, not {arguments.per_class}")
    if arguments.blobs is not None and arguments.format not in WITH_PICTURES:
        raise ConfigError(
            f"--blobs: {arguments.format} holds no pictures; leave it out, or export {' or '.join(WITH_PICTURES)}"
        )
    uri = stored_place(arguments.out)
    return ExportRequest(
        arguments.format, arguments.release, spool_folder(uri) if uri else export_place(arguments.out), images,
        tuple(arguments.blob_status), arguments.per_class, arguments.seed, arguments.sizes, arguments.blobs, uri,
    )  # fmt: skip


def export(settings: Settings, request: ExportRequest) -> Counts:
    """Writes the export and returns what it counts, by noun; whatever fails, what stood at its place stays."""
    uri = settings.storage_uri(request.uri) if request.uri else None
    if uri:
        refuse_other_files(uri, settings.warehouse)
    opened = open_export(settings, request)
    if opened.snapshot.status == "partial":
        log_line(f"{request.release} is partial; what is not published of it is not in the export")
    with whole_folder(request.place, "the export", "--out") as folder:
        counts = format_writer(request.format)(opened, folder)
        write_companions(opened, folder, counts)
        if uri:
            store_export(folder, uri)
        drop_shards(request.place)
    if uri:
        shutil.rmtree(request.place, ignore_errors=True)
    return counts


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("export", __doc__, add_arguments, run))
