"""Great Expectations' own Data Docs, made by its own renderers from the results that lie beside the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from oilake.conf.file_names import file_name
from oilake.jobs.reporting.offline_assets import STATIC, armoured, assets, localised
from oilake.jobs.reporting.table_history import Table
from oilake.jobs.runtime.progress import say
from oilake.jobs.validation.validation_history import Look

FOLDER = "gx"
NEWEST = 5


@dataclass(frozen=True)
class Page:
    """One page: its path below `gx/`, whose depth Great Expectations' relative links count on."""

    path: str
    html: str


@dataclass(frozen=True)
class Checked:
    """One page of a check: where it is, what it was a check of, whether all that it asked held."""

    table: Table
    look: Look
    path: str
    success: bool


def site(tables: Sequence[Table]) -> tuple[dict[str, bytes], dict[str, list[tuple[str, str]]]]:
    """(the files of the site by their paths, (text, address) of its pages by table); both empty when nothing was checked."""
    checked = [one for table in tables for one in _checked(table)]
    if not checked:
        return {}, {}
    with_results = [table for table in tables if any(one.table is table for one in checked)]
    suites = {table.name: page for table in with_results if (page := _suite_page(table))}
    with_results = [table for table in with_results if table.name in suites]
    checked = [one for one in checked if one.table.name in suites]
    pages = list(suites.values())
    shown = []
    for one in checked:
        page = _result_page(one)
        if page:
            shown.append(one)
            pages.append(page)
    pages.append(_index(with_results, shown))
    found = {f"{FOLDER}/{page.path}": localised(page.html, "../" * page.path.count("/")).encode() for page in pages}
    found |= {f"{FOLDER}/{STATIC}/{name}": content for name, content in assets().items()}
    links: dict[str, list[tuple[str, str]]] = {}
    for table in with_results:
        links[table.name] = [("the suite", f"{FOLDER}/{_suite_path(table)}")]
    for one in reversed(shown):
        links[one.table.name].append((_title(one), f"{FOLDER}/{one.path}"))
    return found, links


def _checked(table: Table) -> Iterator[Checked]:
    """The newest checks of each slice that left results in Great Expectations' form."""
    for one in table.slices:
        for look in [look for look in one.looks if look.validations][-NEWEST:]:
            batch = "-".join(file_name(part) for part in (table.name, look.release, look.since) if part)
            moment = _when(look).strftime("%Y%m%dT%H%M%S.%fZ")
            path = f"validations/{file_name(table.name)}/{file_name(look.run_id)}/{moment}/{batch}.html"
            yield Checked(table, look, path, all(bool(result.get("success")) for result in look.validations))


def _when(look: Look) -> datetime:
    try:
        return datetime.fromisoformat(look.checked_at).replace(tzinfo=timezone.utc)
    except ValueError:
        return datetime.fromtimestamp(0, timezone.utc)


def _title(one: Checked) -> str:
    releases = " since ".join(part for part in (one.look.release, one.look.since) if part) or "all rows"
    return f"check of {releases}, version {one.look.version}, {one.look.checked_at} UTC"


def _suite_path(table: Table) -> str:
    return f"expectations/{file_name(table.name)}.html"


def _suite_page(table: Table) -> Page | None:
    """None, and a sentence, where Great Expectations does not take the suite: a copy may carry anything."""
    from great_expectations.core import ExpectationSuite
    from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    declared = armoured(json.loads(table.suite.text()))
    try:
        suite = ExpectationSuite(name=file_name(table.name), expectations=declared["expectations"])
        return Page(_suite_path(table), _html(ExpectationSuitePageRenderer(), suite, DefaultJinjaPageView()))
    except Exception as error:
        cause = " ".join(str(error).split())[:200]
        say(f"{table.name}: its suite has no page in Great Expectations' form, which refuses it ({cause})")
        return None


def _result_page(one: Checked) -> Page | None:
    """None, and a sentence, where Great Expectations does not take the results: a copy may hold anything."""
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    try:
        result = expectationSuiteValidationResultSchema.load(_document(one))
        return Page(one.path, _html(ValidationResultsPageRenderer(), result, DefaultJinjaPageView()))
    except Exception as error:
        say(
            f"{one.table.name}: {_title(one)} has no page in Great Expectations' form ({type(error).__name__}: {error})"
        )
        return None


def _document(one: Checked) -> dict[str, Any]:
    look, results = one.look, [_result(result) for result in one.look.validations]
    kept = sum(result["success"] for result in results)
    batch = {"data_asset_name": file_name(one.table.name), "delta_version": look.version}
    batch |= {key: file_name(value) for key, value in (("release", look.release), ("since", look.since)) if value}
    return {
        "success": one.success,
        "results": results,
        "suite_name": file_name(one.table.name),
        "suite_parameters": {},
        "statistics": {
            "evaluated_expectations": len(results),
            "successful_expectations": kept,
            "unsuccessful_expectations": len(results) - kept,
            "success_percent": 100 * kept / len(results),
        },
        "meta": {
            "run_id": {"run_name": file_name(look.run_id), "run_time": _when(look).isoformat()},
            "batch_spec": batch,
        },
        "id": None,
    }


def _result(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored result with its values armoured, and without notes that a template would take for Markdown."""
    found: dict[str, Any] = armoured(stored)
    declared = {**found["expectation_config"], "meta": {}}
    return {**found, "success": bool(found["success"]), "expectation_config": declared, "meta": {}}


def _index(tables: Sequence[Table], shown: Sequence[Checked]) -> Page:
    from great_expectations.render.renderer.site_index_page_renderer import SiteIndexPageRenderer
    from great_expectations.render.view.view import DefaultJinjaIndexPageView

    validations = [
        {
            "expectation_suite_name": file_name(one.table.name),
            "filepath": one.path,
            "run_id": file_name(one.look.run_id),
            "batch_identifier": file_name(one.path.rpartition("/")[2].removesuffix(".html")),
            "validation_success": one.success,
            "run_time": _when(one.look),
            "run_name": file_name(one.look.run_id),
            "asset_name": file_name(one.table.name),
            "batch_kwargs": {},
            "batch_spec": {"delta_version": one.look.version},
            "expectation_suite_filepath": _suite_path(one.table),
        }
        for one in sorted(shown, key=lambda one: (one.look.checked_at, one.path), reverse=True)
    ]
    suites = [{"expectation_suite_name": file_name(table.name), "filepath": _suite_path(table)} for table in tables]
    listed = {"site_name": "oilake", "validations_links": validations, "expectations_links": suites}
    return Page("index.html", _html(SiteIndexPageRenderer, listed, DefaultJinjaIndexPageView()))


def _html(renderer: Any, what: Any, view: Any) -> str:
    return str(view.render(renderer.render(what), show_how_to_buttons=False))
