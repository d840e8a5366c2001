"""A report on the small warehouse of the viewer, written once."""

from __future__ import annotations

from pathlib import Path

import pytest

from oilake.conf import settings
from oilake.jobs.report import report
from tests.support import judged_release, view_lake


@pytest.fixture(scope="session")
def report_lake(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The warehouse of `view_lake` with published labels and figures, and with results of checks."""
    place = view_lake.make_tables(str(tmp_path_factory.mktemp("report") / "lake"))
    return judged_release.add_results(view_lake.add_labels(view_lake.fill(place)))


@pytest.fixture(scope="session")
def site(report_lake: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report."""
    chosen = settings.environment_settings("local", {"warehouse": report_lake})
    return report(chosen, tmp_path_factory.mktemp("site") / "report").index.parent
