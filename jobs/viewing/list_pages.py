"""Pages of many: releases, classes, images of a selection, changes; an address in, what the tables say of it out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from oilake.jobs.viewing import image_pages, release_overview
from oilake.jobs.viewing.class_search import search_classes
from oilake.jobs.viewing.exported_selection import export_selection
from oilake.jobs.viewing.page_frame import KEPT, Viewer, class_names, make_page
from oilake.jobs.viewing.selection import Selection, parse_selection, with_class
from oilake.jobs.viewing.selection_tables import chosen_classes
from oilake.jobs.viewing.view_html import render


def home_page(viewer: Viewer, request: Request) -> Response:
    """What is published, release by release."""
    view = viewer.view
    releases = [release_overview.read_overview(view, release) for release in reversed(view.releases)]
    tables = list(dict.fromkeys(name for release in releases for name in release.rows))
    return make_page("home_page.html", request, viewer, releases=releases, tables=tables, notes=view.notes)


def classes_page(viewer: Viewer, request: Request) -> Response:
    """The classes of a release by what was typed; `part=1` asks for the list alone."""
    selection = _asked_selection(viewer, request)
    text = request.query_params.get("q", "")[:200]
    classes = search_classes(viewer.view, selection.release, text)
    return make_page("classes_page.html", request, viewer, selection=selection, text=text, classes=classes)


def browse_page(viewer: Viewer, request: Request) -> Response:
    """The images of a selection, a page of them."""
    view, selection = viewer.view, _asked_selection(viewer, request)
    names = class_names(view, selection.release)
    page = image_pages.read_page(view, selection)
    return make_page(
        "browse_page.html",
        request,
        viewer,
        selection=selection,
        page=page,
        names=names,
        count=image_pages.count_images(view, selection, bool(request.query_params.get("count"))),
        counts=release_overview.count_verdicts(view, selection.release, selection.mid) if selection.mid else None,
        subclasses=len(view.subclasses(selection.release, selection.mid)) if selection.mid else 0,
        earlier=view.earlier_releases(selection.release),
        kinds=release_overview.contradiction_kinds(view, selection.release),
    )


def selection_page(viewer: Viewer, request: Request) -> Response:
    """How to take a selection along: as IDs, as a condition, as a download."""
    view, selection = viewer.view, _asked_selection(viewer, request).from_start()
    export = export_selection(selection, chosen_classes(view, selection), view.place)
    return make_page("selection_page.html", request, viewer, selection=selection, export=export)


def selection_ids(viewer: Viewer, request: Request) -> Response:
    """All IDs of a selection, one a line, sorted."""
    ids = image_pages.read_ids(viewer.view, _asked_selection(viewer, request).from_start())
    headers = {"Content-Disposition": 'attachment; filename="ids.txt"'}
    return StreamingResponse(_id_lines(ids), media_type="text/plain; charset=utf-8", headers=headers)


def _id_lines(ids: Iterator[str], at_once: int = 1000) -> Iterator[str]:
    lines: list[str] = []
    for image_id in ids:
        lines.append(f"{image_id}\n")
        if len(lines) == at_once:
            yield "".join(lines)
            lines = []
    yield "".join(lines)


def changes_page(viewer: Viewer, request: Request) -> Response:
    """What changed from an earlier release to a later one, in numbers that lead to the images."""
    view, selection = viewer.view, _asked_selection(viewer, request)
    earlier = view.earlier_releases(selection.release)
    since = selection.since or (earlier[-1] if earlier else "")
    counts = release_overview.count_changes(view, selection.release, since) if since else []
    pairs = [(before, release) for release in view.releases for before in view.earlier_releases(release)]
    chosen = replace(selection, since=since)
    return make_page("changes_page.html", request, viewer, selection=chosen, counts=counts, pairs=pairs)


def style_sheet(viewer: Viewer, request: Request) -> Response:
    """The style of all pages."""
    return Response(render("viewer.css"), media_type="text/css", headers=KEPT)


def tab_icon(viewer: Viewer, request: Request) -> Response:
    """The sign of the viewer in a browser's tab."""
    return Response(render("icon.svg"), media_type="image/svg+xml", headers=KEPT)


def _asked_selection(viewer: Viewer, request: Request) -> Selection:
    selection = parse_selection(request.query_params, list(viewer.view.releases))
    return with_class(selection, viewer.view.listed_classes(selection.release)) if selection.mid else selection
