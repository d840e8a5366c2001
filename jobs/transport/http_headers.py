"""The header fields of HTTP that a resumed download stands on."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from oilake.jobs.transport.source import Version, validator

PLAIN = {"Accept-Encoding": "identity", "User-Agent": "oilake"}


def since(start: int, version: Version | None) -> dict[str, str]:
    """The request's fields for the bytes from `start` on, provided that the file still is `version`."""
    mark = validator(version)
    return {**PLAIN, "Range": f"bytes={start}-", "If-Range": mark} if start and mark else PLAIN


def unless(known: Version | None) -> dict[str, str]:
    """The request's fields for an answer without a body where the file still is `known`."""
    if known and known.etag:
        return {**PLAIN, "If-None-Match": known.etag}
    if known and known.last_modified:
        return {**PLAIN, "If-Modified-Since": known.last_modified}
    return PLAIN


def version(headers: Mapping[str, str], bytes: int | None, partial: bool = False) -> Version:
    """The version that an answer speaks of; `bytes` is the length of the whole file."""
    return Version(bytes, headers.get("ETag") or None, _settled(headers), _md5(headers, partial))


def length(headers: Mapping[str, str]) -> int | None:
    """Content-Length in bytes; None where it is absent or makes no sense."""
    told = headers.get("Content-Length", "")
    return int(told) if re.fullmatch("[0-9]{1,19}", told) else None


def wait(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for, given as seconds or as a date; None where it is absent or makes no sense."""
    told = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,19}", told):
        return float(told)
    date = _date(told)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) if date else None


def _settled(headers: Mapping[str, str]) -> str | None:
    """Last-Modified, unless it is so young that the file may change again within the same second (RFC 9110, 8.8.2.2)."""
    modified, now = _date(headers.get("Last-Modified", "")), _date(headers.get("Date", ""))
    if modified is None or now is None or now - modified <= datetime.timedelta(seconds=1):
        return None
    return headers["Last-Modified"]


def _date(told: str) -> datetime.datetime | None:
    try:
        date = parsedate_to_datetime(told)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)


def _md5(headers: Mapping[str, str], partial: bool) -> str | None:
    """MD5 of the whole file, hex; Google's is of the stored bytes, Content-MD5 of the bytes in this answer."""
    found = re.search(r"\bmd5=([A-Za-z0-9+/]{22}==)", headers.get("x-goog-hash", ""))
    if found and headers.get("x-goog-stored-content-encoding", "identity") == "identity":
        return _hex(found[1])
    return None if partial else _hex(headers.get("Content-MD5", ""))


def _hex(told: str) -> str | None:
    try:
        digest = base64.b64decode(told, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == 16 else None
