"""The header fields of HTTP that a resumed download stands on."""

from __future__ import annotations

import base64
import binascii
import datetime
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from oilake.jobs.transport.source import Version, range_validator

PLAIN_HEADERS = {"Accept-Encoding": "identity", "User-Agent": "oilake"}


def resume_headers(start: int, version: Version | None) -> dict[str, str]:
    """The request's fields for the bytes from `start` on, provided that the file still is `version`."""
    mark = range_validator(version)
    return {**PLAIN_HEADERS, "Range": f"bytes={start}-", "If-Range": mark} if start and mark else PLAIN_HEADERS


def unless_unchanged(known_version: Version | None) -> dict[str, str]:
    """The request's fields for an answer without a body where the file still is `known`."""
    if known_version and known_version.etag:
        return {**PLAIN_HEADERS, "If-None-Match": known_version.etag}
    if known_version and known_version.last_modified:
        return {**PLAIN_HEADERS, "If-Modified-Since": known_version.last_modified}
    return PLAIN_HEADERS


def answer_version(headers: Mapping[str, str], bytes: int | None, partial: bool = False) -> Version:
    """The version that an answer speaks of; `bytes` is the length of the whole file."""
    return Version(
        bytes, headers.get("ETag") or None, _settled_last_modified(headers), _whole_file_md5(headers, partial)
    )


def content_length(headers: Mapping[str, str]) -> int | None:
    """Content-Length in bytes; None where it is absent or makes no sense."""
    length_text = headers.get("Content-Length", "")
    return int(length_text) if re.fullmatch("[0-9]{1,19}", length_text) else None


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Seconds that Retry-After asks for, given as seconds or as a date; None where it is absent or makes no sense."""
    retry_after = headers.get("Retry-After", "").strip()
    if re.fullmatch("[0-9]{1,19}", retry_after):
        return float(retry_after)
    date = _parse_date(retry_after)
    return max(0.0, (date - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) if date else None


def _settled_last_modified(headers: Mapping[str, str]) -> str | None:
    """Last-Modified, unless it is so young that the file may change again within the same second (RFC 9110, 8.8.2.2)."""
    modified, now = _parse_date(headers.get("Last-Modified", "")), _parse_date(headers.get("Date", ""))
    if modified is None or now is None or now - modified <= datetime.timedelta(seconds=1):
        return None
    return headers["Last-Modified"]


def _parse_date(date_text: str) -> datetime.datetime | None:
    try:
        date = parsedate_to_datetime(date_text)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)


def _whole_file_md5(headers: Mapping[str, str], partial: bool) -> str | None:
    """MD5 of the whole file, hex; Google's is of the stored bytes, Content-MD5 of the bytes in this answer."""
    google_md5 = re.search(r"\bmd5=([A-Za-z0-9+/]{22}==)", headers.get("x-goog-hash", ""))
    if google_md5 and headers.get("x-goog-stored-content-encoding", "identity") == "identity":
        return _base64_to_hex(google_md5[1])
    return None if partial else _base64_to_hex(headers.get("Content-MD5", ""))


def _base64_to_hex(base64_text: str) -> str | None:
    try:
        digest = base64.b64decode(base64_text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == 16 else None
