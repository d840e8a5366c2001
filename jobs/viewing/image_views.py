"""Pages of one image: in one release, in two side by side, over all of them; and its picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS
from oilake.jobs.downloading.request import IMAGE_ID
from oilake.jobs.sources.image_id_text import parse_image_id
from oilake.jobs.viewing.blob_pictures import SHOWN, Picture
from oilake.jobs.viewing.drawing import draw_record, has_room_for_names
from oilake.jobs.viewing.image_record import ImageRecord, Row, image_rows, read_history, read_record
from oilake.jobs.viewing.mask_overlays import overlay_png, read_overlays
from oilake.jobs.viewing.page_frame import KEPT, Viewer, class_names, make_page
from oilake.jobs.viewing.picture_frame import frame_picture
from oilake.jobs.viewing.selection import VERDICTS
from oilake.jobs.viewing.view_html import render

COLOUR = re.compile("[0-9]{1,2}")


def find_image(viewer: Viewer, request: Request) -> Response:
    """The way from an ID in any spelling to the image's page."""
    image_id = parse_image_id(request.query_params.get("id", "").strip()[:100], "image")
    return RedirectResponse(f"/image/{image_id}", HTTPStatus.SEE_OTHER)


def image_page(viewer: Viewer, request: Request) -> Response:
    """One image in one release, of the newest that has it where none is named; ConfigError where none has."""
    view, image_id = viewer.view, _image_id(request)
    asked = request.query_params.get("release")
    candidates = [asked] if asked else list(reversed(view.releases))
    records = (read_record(view, release, image_id) for release in candidates)
    record = next((record for record in records if record.is_known), None)
    if record is None:
        where = asked or "any published release"
        raise ConfigError(f"image {image_id} is not in {where}")
    return make_page("image_page.html", request, viewer, side=_image_side(viewer, record), image_id=image_id)


def history_page(viewer: Viewer, request: Request) -> Response:
    """One image over all releases; `part=1` asks for the tables alone."""
    image_id = _image_id(request)
    history = read_history(viewer.view, image_id)
    names = class_names(viewer.view, list(viewer.view.releases)[-1]) if viewer.view.releases else {}
    return make_page("history_page.html", request, viewer, image_id=image_id, history=history, names=names)


def compare_page(viewer: Viewer, request: Request) -> Response:
    """One image in two releases, side by side."""
    view, image_id = viewer.view, _image_id(request)
    names = list(view.releases)
    if not names:
        raise ConfigError("nothing is published in this warehouse yet, so there is nothing to compare")
    left, right = (request.query_params.get(side, "") for side in ("left", "right"))
    sides = [
        _image_side(viewer, read_record(view, release or default, image_id), f"{side}-")
        for side, release, default in (("left", left, names[0]), ("right", right, names[-1]))
    ]
    return make_page("compare_page.html", request, viewer, sides=sides, image_id=image_id)


def whole_picture(viewer: Viewer, request: Request) -> Response:
    """The picture of an image as it lies there."""
    shown = _find_picture(viewer, request.path_params["release"], _image_id(request), _asked_subset(request))
    return _picture_response(shown)


def small_picture(viewer: Viewer, request: Request) -> Response:
    """The picture of an image, made small; a grey one that says so where there is none: a page shows many."""
    small = viewer.places.find_small(_image_id(request), _asked_subset(request))
    if small is None:
        return Response(render("no_picture.svg"), media_type="image/svg+xml")
    return _picture_response(small)


def mask_picture(viewer: Viewer, request: Request) -> Response:
    """The pixels of a mask in a colour, transparent around them; ConfigError or InputError says what is wrong with it."""
    colour = request.query_params.get("colour", "0")
    if not COLOUR.fullmatch(colour):
        raise ConfigError(f"colour {colour[:20]!r}: must be a number of at most two digits")
    release = viewer.view.snapshot(request.path_params["release"]).release
    pixels = viewer.masks.read_pixels(release, _asked_subset(request), request.path_params["mask_path"])
    return Response(overlay_png(pixels, int(colour)), media_type=SHOWN["png"], headers=KEPT)


def _image_id(request: Request) -> str:
    image_id = str(request.path_params["image_id"])
    if not IMAGE_ID.fullmatch(image_id):
        raise ConfigError(f"image {image_id!r}: an ID is 16 lower-case hex digits")
    return image_id


def _asked_subset(request: Request) -> str:
    subset = str(request.path_params["subset"])
    if subset not in SUBSETS:
        raise ConfigError(f"subset {subset!r}: must be one of {', '.join(SUBSETS)}")
    return subset


def _image_side(viewer: Viewer, record: ImageRecord, prefix: str = "") -> dict[str, Any]:
    """What a page shows of an image in one release; `prefix` keeps the names of its switches apart from another side's."""
    names = class_names(viewer.view, record.release)
    row = record.image or {}
    subset = row.get("subset") or next((label["subset"] for label in record.table_rows("image_labels")), "train")
    shown = _find_picture(viewer, record.release, record.image_id, subset, record)
    rotation = row.get("rotation")
    frame = frame_picture(shown.sides if shown else None, None if shown and shown.is_turned else rotation)
    drawing = draw_record(record, frame, names, viewer.view.attribute_names(record.release))
    return {
        "record": record,
        "image": record.image,
        "subset": subset,
        "names": names,
        "labels": _sorted_labels(record.table_rows("image_labels"), names),
        "drawing": drawing,
        "overlays": read_overlays(viewer.masks, record, drawing.masks),
        "picture": shown,
        "is_turned": bool(shown and shown.is_turned),
        "show_names": has_room_for_names(drawing),
        "prefix": prefix,
    }


def _sorted_labels(rows: list[Row], names: dict[str, str]) -> list[Row]:
    """Labels that somebody decided before those that the machine alone gives, by the names of their classes."""
    return sorted(
        rows, key=lambda row: (VERDICTS.index(row["verdict"]), str(names.get(row["mid"], row["mid"])).casefold())
    )


def _find_picture(
    viewer: Viewer, release: str, image_id: str, subset: str, record: ImageRecord | None = None
) -> Picture | None:
    """The picture under the names that are usual, else under those that a check has seen."""
    if not viewer.places.readers:
        return None
    return viewer.places.find_picture(image_id, subset, _checked_blobs(viewer, release, image_id, record))


def _checked_blobs(
    viewer: Viewer, release: str, image_id: str, record: ImageRecord | None
) -> Iterator[tuple[str, str]]:
    """(location, key) of the image's blobs that a check has seen; nothing is read before the first is asked for."""
    checks = (
        record.table_rows("blob_checks") if record else image_rows(viewer.view, "blob_checks", release, image_id) or []
    )
    yield from ((row["location"], row["key"]) for row in checks)


def _picture_response(shown: Picture | None) -> Response:
    if shown is None:
        return Response("no picture\n", HTTPStatus.NOT_FOUND, media_type="text/plain")
    return Response(shown.data, media_type=shown.media_type, headers=KEPT)
