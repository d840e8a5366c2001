"""Where Spark's Java is gone, the sentence names Spark and not the store."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from oilake.conf.errors import StoreError
from oilake.jobs.runtime import spark_tasks


def test_a_java_that_is_gone_is_told_as_sparks_failure():
    def collect() -> None:
        raise ConnectionRefusedError(111, "Connection refused")

    gone: Any = SimpleNamespace(collect=collect)
    with pytest.raises(StoreError, match=r"^Spark could not finish v3: index \(.*Connection refused\)"):
        spark_tasks.collect_rows(gone, gone, 1, "v3: index", lambda *watched: None)
