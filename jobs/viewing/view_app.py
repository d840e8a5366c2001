"""The viewer as one ASGI application: addresses, and the guard before them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from oilake.conf.errors import OilakeError
from oilake.jobs.viewing import image_views, list_pages
from oilake.jobs.viewing.page_frame import KEPT, Viewer, error_page
from oilake.jobs.viewing.request_guard import RequestGuard
from oilake.jobs.viewing.view_address import ViewAddress

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
    "/picture/{release}/{subset}/{image_id}": image_views.picture,
    "/small/{subset}/{image_id}": image_views.small_picture,
    "/viewer.css": list_pages.style_sheet,
    "/icon.svg": list_pages.icon,
}


def make_app(viewer: Viewer, address: ViewAddress) -> RequestGuard:
    """Return all pages of a viewer behind their guard."""
    routes = [Route(path, partial(_answer, viewer, page)) for path, page in PAGES.items()]
    routes.append(Route("/viewer.js", _script))
    pages = Starlette(routes=routes, exception_handlers={HTTPException: partial(_no_such_page, viewer)})
    return RequestGuard(pages, address.hosts, address.token)


def _answer(viewer: Viewer, page: Page, request: Request) -> Response:
    """A page, or the page that says in one sentence why there is none."""
    try:
        viewer.view.look()
        return page(viewer, request)
    except OilakeError as error:
        return error_page(viewer, request, error)


def _script(request: Request) -> Response:
    text = files("oilake.jobs.viewing").joinpath("viewer.js").read_text(encoding="utf-8")
    return Response(text, media_type="text/javascript", headers=KEPT)


def _no_such_page(viewer: Viewer, request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return PlainTextResponse("there is no such page here; begin at /\n", status)
