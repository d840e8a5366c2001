"""The flags that say where images come from and what is done to them on the way, of every job that brings some."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace

from oilake.conf import placeholders
from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.blobs import open_store
from oilake.jobs.blobs.resize import Resize
from oilake.jobs.downloading import request as orders
from oilake.jobs.downloading.request import DownloadRequest
from oilake.jobs.runtime.run_ids import new_run_id


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--from", dest="base", default="original", metavar="SOURCE",
        help="original, thumbnail, cvdf, an http(s) or s3 address that holds <subset>/<image_id>.jpg, or one of CVDF's "
        "tar.gz archives (default: original)",
    )  # fmt: skip
    parser.add_argument("--mirror", metavar="URL", help="ask <URL>/<host>/<path> in place of every host")
    parser.add_argument("--resize", type=int, metavar="N", help="upright, and at most N pixels on the longer side")
    parser.add_argument("--quality", type=int, default=90, metavar="N", help="of a resized JPEG, 1 to 95 (default: 90)")
    parser.add_argument("--format", default="jpeg", choices=("jpeg", "png"), help="of resized images (default: jpeg)")
    parser.add_argument("--rate", type=float, metavar="N", help="requests a second of all tasks; 0: no limit")
    parser.add_argument("--connections", type=int, metavar="N", help="images at once in each task")
    parser.add_argument(
        "--allow-private", action="store_true", help="ask loopback, link-local and private addresses too"
    )


def download_request(settings: Settings, arguments: argparse.Namespace, release: str, place: str) -> DownloadRequest:
    """What the flags of `add_arguments` ask for, with blobs that go to `place`; ConfigError where they do not fit."""
    source, base = orders.parse_origin(arguments.base)
    if arguments.mirror and base:
        raise ConfigError("--mirror stands for the hosts of the release's own addresses; leave it out with this --from")
    limits = settings.download
    if arguments.rate is not None:
        if not 0 <= arguments.rate < math.inf:
            raise ConfigError(f"--rate must be 0 or more, not {arguments.rate}")
        limits = replace(limits, requests_per_second=arguments.rate or None)
    if arguments.connections is not None:
        if arguments.connections < 1:
            raise ConfigError(f"--connections must be at least 1, not {arguments.connections}")
        limits = replace(limits, connections=arguments.connections)
    location = open_store.target_location(place)
    return DownloadRequest(
        release=release,
        run_id=new_run_id(),
        location=location,
        source=source,
        base=base,
        mirror=orders.parse_mirror(arguments.mirror),
        is_open=arguments.allow_private,
        resize=_resize_request(arguments),
        fetch=settings.fetch,
        storage=settings.storage,
        download=limits,
        placeholders=placeholders.load_placeholders(),
    )


def _resize_request(arguments: argparse.Namespace) -> Resize | None:
    if arguments.resize is None:
        if arguments.quality != 90 or arguments.format != "jpeg":
            raise ConfigError("--quality and --format are of resized images; give --resize too")
        return None
    if arguments.resize < 1 or not 1 <= arguments.quality <= 95:
        raise ConfigError("--resize must be at least 1, and --quality lie between 1 and 95")
    return Resize(arguments.resize, arguments.quality, arguments.format)
