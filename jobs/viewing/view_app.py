"""The viewer as one ASGI application: addresses, and the guard before them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oilake.conf.errors import OilakeError, StoreError
from oilake.jobs.viewing import image_views, list_pages
from oilake.jobs.viewing.blob_pictures import PicturePlaces
from oilake.jobs.viewing.mask_overlays import MaskPlaces
from oilake.jobs.viewing.page_frame import KEPT, Viewer, error_page
from oilake.jobs.viewing.request_guard import RequestGuard
from oilake.jobs.viewing.view_address import ViewAddress
from oilake.jobs.viewing.view_watch import ViewWatch

Page = Callable[[Viewer, Request], Response]
PAGES: dict[str, Page] = {
    "/": list_pages.home_page,
    "/classes": list_pages.classes_page,
    "/browse": list_pages.browse_page,
    "/selection": list_pages.selection_page,
    "/ids.txt": list_pages.selection_ids,
    "/changes": list_pages.changes_page,
    "/find": image_views.find_image,
    "/image/{image_id}": image_views.image_page,
    "/image/{image_id}/history": image_views.history_page,
    "/image/{image_id}/compare": image_views.compare_page,
    "/picture/{release}/{subset}/{image_id}": image_views.whole_picture,
    "/small/{subset}/{image_id}": image_views.small_picture,
    "/mask/{release}/{subset}/{mask_path}": image_views.mask_picture,
    "/viewer.css": list_pages.style_sheet,
    "/icon.svg": list_pages.tab_icon,
}


def make_app(watch: ViewWatch, places: PicturePlaces, masks: MaskPlaces, address: ViewAddress) -> RequestGuard:
    """Return all pages over a warehouse, its pictures and masks, behind their guard."""
    routes = [Route(path, partial(_answer_page, watch, places, masks, page)) for path, page in PAGES.items()]
    routes.append(Route("/viewer.js", _script_file))
    pages = Starlette(routes=routes, exception_handlers={HTTPException: _no_such_page})
    return RequestGuard(pages, address.hosts, address.token)


def _answer_page(watch: ViewWatch, places: PicturePlaces, masks: MaskPlaces, page: Page, request: Request) -> Response:
    """A page, or the page that says in one sentence why there is none."""
    try:
        viewer = Viewer(watch.newest_view(), places, masks)
    except OilakeError as error:
        return PlainTextResponse(f"{error}\n", HTTPStatus.SERVICE_UNAVAILABLE)
    try:
        return page(viewer, request)
    except StoreError as error:
        watch.forget_view()
        return error_page(viewer, request, error, HTTPStatus.SERVICE_UNAVAILABLE)
    except OilakeError as error:
        return error_page(viewer, request, error, HTTPStatus.NOT_FOUND)


def _script_file(request: Request) -> Response:
    text = files("oilake.jobs.viewing").joinpath("viewer.js").read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript", headers=KEPT)


def _no_such_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return PlainTextResponse("there is no such page here; begin at /\n", status)
