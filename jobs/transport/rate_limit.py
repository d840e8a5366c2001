"""How often may be asked: so many requests a second, none while the other side asks for a rest."""

from __future__ import annotations

import time
from threading import Lock


class RateLimiter:
    """One task's share of the limit, evenly spaced; safe to use from several threads. None: no limit."""

    def __init__(self, per_second: float | None) -> None:
        self._step = 1 / per_second if per_second else 0.0
        self._next = 0.0
        self._lock = Lock()

    def wait(self) -> None:
        """Returns when one more request may be sent."""
        with self._lock:
            send_time = max(self._next, time.monotonic())
            self._next = send_time + self._step
        while (seconds := send_time - time.monotonic()) > 0:
            time.sleep(seconds)

    def rest(self, seconds: float) -> None:
        """Lets no further request out for so long."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)
