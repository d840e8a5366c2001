"""One bar in bytes over all files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from tqdm import tqdm


@contextmanager
def show_byte_bar(what: str, total: int | None, there: int) -> Iterator[Callable[[int], None]]:
    """Hears how many bytes came (or, negative, were given up); `there` of them were there before. Terminals only."""
    lock = Lock()
    with tqdm(
        total=total, initial=there, desc=what, unit="B", unit_scale=True, disable=None, dynamic_ncols=True
    ) as bar:

        def update_bar(count: int) -> None:
            with lock:
                bar.update(count)

        yield update_bar
