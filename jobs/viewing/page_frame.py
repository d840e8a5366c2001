"""What all pages share: the tables and pictures behind them, their frame, and the page of an error."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from oilake.conf.errors import OilakeError
from oilake.jobs.surveying.pinned_view import PinnedView
from oilake.jobs.viewing.blob_pictures import PicturePlaces
from oilake.jobs.viewing.mask_overlays import MaskPlaces
from oilake.jobs.viewing.view_html import render

KEPT = {"Cache-Control": "private, max-age=3600"}


@dataclass(frozen=True)
class Viewer:
    """What one request sees: the tables of its moment, and where pictures and masks lie."""

    view: PinnedView
    places: PicturePlaces
    masks: MaskPlaces


def make_page(template: str, request: Request, viewer: Viewer, status: int = 200, **values: object) -> Response:
    """A page from its template; `part=1` in the address asks for the part of it that changes."""
    is_part = request.query_params.get("part") == "1"
    shared = {"releases_known": list(viewer.view.releases), "has_pictures": bool(viewer.places.readers)}
    return HTMLResponse(render(template, is_part=is_part, place=viewer.view.place, **shared, **values), status)


def error_page(viewer: Viewer, request: Request, error: OilakeError, status: HTTPStatus) -> Response:
    """One sentence about what cannot be shown."""
    return make_page("error_page.html", request, viewer, int(status), sentence=str(error))


def class_names(view: PinnedView, release: str) -> dict[str, str]:
    """The name of each class of a release by MID; the MID where it has none."""
    return {mid: row["name"] or mid for mid, row in view.class_rows(release).items()}
