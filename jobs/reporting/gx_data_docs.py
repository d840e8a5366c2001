"""Great Expectations' own Data Docs, made by its own renderers from the results that lie beside the tables."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from oilake.conf.file_names import file_name
from oilake.jobs.reporting.offline_assets import STATIC, armour_value, localise_page, read_assets
from oilake.jobs.reporting.table_history import TableHistory
from oilake.jobs.runtime import hidden_modules
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.validation.validation_history import ValidationRun

FOLDER = "gx"
NEWEST = 5


@dataclass(frozen=True)
class GxPage:
    """One page: its path below `gx/`, whose depth Great Expectations' relative links count on."""

    path: str
    html: str


@dataclass(frozen=True)
class CheckPage:
    """One page of a check: where it is, what it was a check of, whether all that it asked held."""

    table: TableHistory
    look: ValidationRun
    path: str
    success: bool


def gx_site(tables: Sequence[TableHistory]) -> tuple[dict[str, bytes], dict[str, list[tuple[str, str]]]]:
    """(the files of the site by their paths, (text, address) of its pages by table); both empty when nothing was checked."""
    checked = [check_page for table in tables for check_page in _check_pages(table)]
    if not checked:
        return {}, {}
    hidden_modules.reveal_modules()
    with_results = [table for table in tables if any(check_page.table is table for check_page in checked)]
    suites = {table.name: page for table in with_results if (page := _suite_page(table))}
    with_results = [table for table in with_results if table.name in suites]
    checked = [check_page for check_page in checked if check_page.table.name in suites]
    pages = list(suites.values())
    shown = []
    for check_page in checked:
        page = _result_page(check_page)
        if page:
            shown.append(check_page)
            pages.append(page)
    pages.append(_site_index(with_results, shown))
    site_files = {
        f"{FOLDER}/{page.path}": localise_page(page.html, "../" * page.path.count("/")).encode() for page in pages
    }
    site_files |= {f"{FOLDER}/{STATIC}/{name}": content for name, content in read_assets().items()}
    links: dict[str, list[tuple[str, str]]] = {}
    for table in with_results:
        links[table.name] = [("the suite", f"{FOLDER}/{_suite_path(table)}")]
    for check_page in reversed(shown):
        links[check_page.table.name].append((_check_title(check_page), f"{FOLDER}/{check_page.path}"))
    return site_files, links


def _check_pages(table: TableHistory) -> Iterator[CheckPage]:
    """The newest checks of each slice that left results in Great Expectations' form."""
    for table_part in table.slices:
        for look in [look for look in table_part.looks if look.validations][-NEWEST:]:
            batch = "-".join(file_name(part) for part in (table.name, look.release, look.since) if part)
            moment = _checked_at(look).strftime("%Y%m%dT%H%M%S.%fZ")
            path = f"validations/{file_name(table.name)}/{file_name(look.run_id)}/{moment}/{batch}.html"
            yield CheckPage(table, look, path, all(bool(result.get("success")) for result in look.validations))


def _checked_at(look: ValidationRun) -> datetime:
    try:
        return datetime.fromisoformat(look.checked_at).replace(tzinfo=timezone.utc)
    except ValueError:
        return datetime.fromtimestamp(0, timezone.utc)


def _check_title(check_page: CheckPage) -> str:
    releases = " since ".join(part for part in (check_page.look.release, check_page.look.since) if part) or "all rows"
    return f"check of {releases}, version {check_page.look.version}, {check_page.look.checked_at} UTC"


def _suite_path(table: TableHistory) -> str:
    return f"expectations/{file_name(table.name)}.html"


def _suite_page(table: TableHistory) -> GxPage | None:
    """None, and a sentence, where Great Expectations does not take the suite: a copy may carry anything."""
    from great_expectations.core import ExpectationSuite
    from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer

    declared = armour_value(json.loads(table.suite.text()))
    try:
        suite = ExpectationSuite(name=file_name(table.name), expectations=declared["expectations"])
        return GxPage(_suite_path(table), _render_page(ExpectationSuitePageRenderer(), suite, _page_view()))
    except Exception as error:
        cause = " ".join(str(error).split())[:200]
        log_line(f"{table.name}: its suite has no page in Great Expectations' form, which refuses it ({cause})")
        return None


def _result_page(check_page: CheckPage) -> GxPage | None:
    """None, and a sentence, where Great Expectations does not take the results: a copy may hold anything."""
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer

    try:
        result = expectationSuiteValidationResultSchema.load(_result_document(check_page))
        return GxPage(check_page.path, _render_page(ValidationResultsPageRenderer(), result, _page_view()))
    except Exception as error:
        log_line(
            f"{check_page.table.name}: {_check_title(check_page)} has no page in Great Expectations' form "
            f"({type(error).__name__}: {error})"
        )
        return None


def _result_document(check_page: CheckPage) -> dict[str, Any]:
    look, results = check_page.look, [_safe_result(result) for result in check_page.look.validations]
    kept = sum(result["success"] for result in results)
    batch = {"data_asset_name": file_name(check_page.table.name), "delta_version": look.version}
    batch |= {key: file_name(value) for key, value in (("release", look.release), ("since", look.since)) if value}
    return {
        "success": check_page.success,
        "results": results,
        "suite_name": file_name(check_page.table.name),
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": kept,
            "unsuccessful_expectations": len(results) - kept,
            "success_percent": 100 * kept / len(results),
        },
        "meta": {
            "run_id": {"run_name": file_name(look.run_id), "run_time": _checked_at(look).isoformat()},
            "batch_spec": batch,
        },
        "id": None,
    }


def _safe_result(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored result with its values armoured, and without notes that a template would take for Markdown."""
    safe_result: dict[str, Any] = armour_value(stored)
    declared = {**safe_result["expectation_config"], "meta": {}}
    return {**safe_result, "success": bool(safe_result["success"]), "expectation_config": declared, "meta": {}}


def _site_index(tables: Sequence[TableHistory], shown: Sequence[CheckPage]) -> GxPage:
    from great_expectations.render.renderer.site_index_page_renderer import SiteIndexPageRenderer
    from great_expectations.render.view.view import DefaultJinjaIndexPageView

    validations = [
        {
            "expectation_suite_name": file_name(check_page.table.name),
            "filepath": check_page.path,
            "run_id": file_name(check_page.look.run_id),
            "batch_identifier": file_name(check_page.path.rpartition("/")[2].removesuffix(".html")),
            "validation_success": check_page.success,
            "run_time": _checked_at(check_page.look),
            "run_name": file_name(check_page.look.run_id),
            "asset_name": file_name(check_page.table.name),
            "batch_kwargs": {},
            "batch_spec": {"delta_version": check_page.look.version},
            "expectation_suite_filepath": _suite_path(check_page.table),
        }
        for check_page in sorted(
            shown, key=lambda check_page: (check_page.look.checked_at, check_page.path), reverse=True
        )
    ]
    suites = [{"expectation_suite_name": file_name(table.name), "filepath": _suite_path(table)} for table in tables]
    listed = {"site_name": "oilake", "validations_links": validations, "expectations_links": suites}
    return GxPage("index.html", _render_page(SiteIndexPageRenderer, listed, DefaultJinjaIndexPageView()))


@functools.cache
def _page_view() -> Any:
    """One view for all pages, since each compiles the templates that it shows anew: 17 a page."""
    from great_expectations.render.view.view import DefaultJinjaPageView

    return DefaultJinjaPageView()


def _render_page(renderer: Any, content: Any, view: Any) -> str:
    return str(view.render(renderer.render(content), show_how_to_buttons=False))
