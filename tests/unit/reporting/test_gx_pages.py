"""Great Expectations' pages share their templates, each of which takes longer to compile than a page to fill."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from oilake.jobs.reporting import gx_data_docs
from oilake.quality import suites

pytestmark = pytest.mark.lengthy


def test_a_second_page_compiles_no_template_again(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    compile_template = jinja2.Environment.compile

    def note(environment: jinja2.Environment, source: Any, name: str | None = None, *more: Any, **options: Any) -> Any:
        compiled.append(str(name))
        return compile_template(environment, source, name, *more, **options)

    monkeypatch.setattr(jinja2.Environment, "compile", note)
    gx_data_docs._page_view.cache_clear()
    for table in ("boxes", "labels", "boxes"):
        page = gx_data_docs._suite_page(SimpleNamespace(name=table, suite=suites.load_suite(table)))  # type: ignore[arg-type]
        assert page is not None
        assert table in page.html
    assert "page.j2" in compiled
    assert len(compiled) == len(set(compiled))
