"""Sends events to the receiver that is configured, beside the job: its end alone waits for them, and not for long."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from oilake.conf.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from oilake.conf.settings import LineageSettings
    from oilake.jobs.operations.run_record import RunRecord

URL, CONFIG = "OPENLINEAGE_URL", "OPENLINEAGE_CONFIG"
DISABLED = "OPENLINEAGE_DISABLED"
RETRIES = {"total": 1, "connect": 1, "read": 0}


def is_configured(lineage: LineageSettings, variables: Mapping[str, str] = os.environ) -> bool:
    """Whether somebody wants to hear of runs."""
    is_disabled = variables.get(DISABLED, "").lower() == "true"
    return not is_disabled and bool(lineage.url or any(variables.get(name) for name in (URL, CONFIG)))


class LineageSender:
    """Sends the events of one run, in their order, from a thread that no exit of the process waits for.

    ConfigError where the library is not installed, or its configuration is none.
    """

    def __init__(self, record: RunRecord) -> None:
        assert record.settings is not None
        self._record, self._settings = record, record.settings
        self._waiting: Queue[Any] = Queue()
        self._failures: list[str] = []
        self._client = _new_client(self._settings.lineage)
        self._thread = Thread(target=self._send_all, name="oilake-lineage", daemon=True)
        self._thread.start()

    def send_start(self) -> None:
        """Sends that the run has begun."""
        from oilake.jobs.operations.lineage_events import start_event

        self._waiting.put(start_event(self._record, self._settings))

    def send_end(self) -> None:
        """Sends how the run has ended, and waits until all is sent; StoreError where that fails or takes too long."""
        from oilake.jobs.operations.lineage_events import end_event

        self._waiting.put(end_event(self._record, self._settings))
        self._waiting.put(None)
        self._thread.join(self._settings.lineage.wait_seconds)
        if self._failures:
            raise StoreError(self._failures[0])
        if self._thread.is_alive():
            raise StoreError(self._late_text())

    def _send_all(self) -> None:
        while (event := self._waiting.get()) is not None:
            try:
                self._client.emit(event)
            except Exception as error:  # the library's transports raise what theirs do
                self._failures.append(self._late_text() if "timed out" in str(error) else _failure_text(error))

    def _late_text(self) -> str:
        return f"the receiver has not answered in {self._settings.lineage.wait_seconds:g} s"


def _failure_text(error: Exception) -> str:
    """What went wrong, without the address, whose query may hold a key."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return f"the receiver answers {status}" if status else f"the receiver cannot be reached: {type(error).__name__}"


def _new_client(lineage: LineageSettings) -> Any:
    try:
        from openlineage.client import OpenLineageClient
        from openlineage.client.transport.http import HttpConfig, HttpTransport
    except ImportError:
        raise ConfigError("openlineage-python is not installed; install the extra `lineage`, or set no url") from None
    url = lineage.url or ("" if os.environ.get(CONFIG) else os.environ.get(URL, ""))
    if not url:
        return _or_config_error(OpenLineageClient)
    address: dict[str, Any] = {"url": url, "timeout": max(lineage.wait_seconds, 0.1), "retry": RETRIES}
    if endpoint := os.environ.get("OPENLINEAGE_ENDPOINT"):
        address["endpoint"] = endpoint
    if key := os.environ.get("OPENLINEAGE_API_KEY"):
        address["auth"] = {"type": "api_key", "apiKey": key}
    return _or_config_error(lambda: OpenLineageClient(transport=HttpTransport(HttpConfig.from_dict(address))))


def _or_config_error(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except Exception as error:
        raise ConfigError(f"OpenLineage's configuration does not fit ({type(error).__name__}); correct it") from None
