"""Pillow's switch for images that lack their last bytes, made one of each thread.

Pillow reads `ImageFile.LOAD_TRUNCATED_IMAGES` wherever bytes end too soon, and it is one for all threads. An object stands
in its place that asks the thread, so one thread may read what is left of a published original while another refuses an
answer that broke off.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

from PIL import ImageFile

_is_allowed: ContextVar[bool] = ContextVar("is_allowed", default=False)


class _TruncationSwitch:
    def __bool__(self) -> bool:
        return _is_allowed.get()


@contextmanager
def allow_truncated() -> Iterator[None]:
    """In this block and thread an image without its last bytes is read as far as it goes."""
    ImageFile.LOAD_TRUNCATED_IMAGES = cast(bool, _TruncationSwitch())
    before = _is_allowed.set(True)
    try:
        yield
    finally:
        _is_allowed.reset(before)
