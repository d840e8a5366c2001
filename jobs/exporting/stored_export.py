"""An export on S3: all its files before its manifest, so that there is none that is half there and says that it is whole."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path

from pyarrow import fs

from oilake.conf.errors import ConfigError, StoreError, os_cause
from oilake.conf.places import refuse_odd_folder
from oilake.conf.storage import StorageUri, plain_uri
from oilake.jobs.exporting.export_folder import MANIFEST, describe_names, file_paths
from oilake.jobs.runtime.filesystem import open_filesystem
from oilake.jobs.runtime.jars import cache_folder

# While an export is put there: the names of all that may lie there, so that it can be put again after a run was ended.
UNFINISHED = "export.unfinished"
UPLOADS, BATCH = 8, 1000


def stored_place(text: str, flag: str = "--out") -> str | None:
    """The s3:// URI of a flag without a slash at its end; None where it is a folder. ConfigError where it is neither."""
    if "://" not in text:
        return None
    refuse_odd_folder(flag.removeprefix("--"), text)
    uri = plain_uri(text).rstrip("/")
    bucket, _, prefix = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket or not prefix or "?" in uri:
        raise ConfigError(f"{flag} {text}: is no place for an export; give a folder or s3://bucket/prefix")
    return uri


def spool_folder(uri: str) -> Path:
    """Where an export is written before it is put at an s3:// URI: in the user's cache."""
    return cache_folder().with_name("exports") / sha256(uri.encode()).hexdigest()[:16]


def refuse_other_files(uri: StorageUri, warehouse: str) -> None:
    """ConfigError where an s3:// URI lies in the warehouse, or files that no export put lie below it; StoreError where it
    cannot be reached."""
    if f"{uri}/".startswith(f"{plain_uri(warehouse).rstrip('/')}/"):
        raise ConfigError(f"{uri}: lies in {warehouse}, which holds tables; name a place elsewhere by --out")
    require_place(uri)
    _earlier_names(uri)


def require_place(uri: StorageUri) -> None:
    """StoreError where an s3:// URI cannot be reached, by what S3 answers."""
    from oilake.jobs.transport import s3_reach  # boto3 takes a while to import, and a folder needs none of it

    s3_reach.require_reachable(uri, uri.storage)


def store_export(folder: Path, uri: StorageUri) -> None:
    """Puts the export of a folder in place of an earlier one below an s3:// URI, its manifest last.

    StoreError where S3 does not take it; what is there has no manifest until an export is put there again.
    """
    sizes = {name: (folder / name).stat().st_size for name in file_paths(folder)}
    del sizes[MANIFEST]
    try:
        earlier = _earlier_names(uri)
        put_text(uri, UNFINISHED, "".join(f"{name}\n" for name in sorted({*sizes, *earlier})))
        _delete_names(uri, earlier & {MANIFEST})
        _call_each(partial(_put_file, folder, uri), sizes)
        _delete_names(uri, earlier - sizes.keys() - {MANIFEST})
        if {name: size for name, size in stored_sizes(uri).items() if name != UNFINISHED} != sizes:
            raise StoreError(f"{uri}: does not hold what was put there; run the same command again")
        _put_file(folder, uri, MANIFEST)
        _delete_names(uri, {UNFINISHED})
    except OSError as error:
        raise StoreError(
            f"{uri}: the export cannot be put there ({os_cause(error)}); run the same command again"
        ) from None


def stored_sizes(uri: StorageUri) -> dict[str, int]:
    """The bytes of every file below an s3:// URI, by its name there."""
    store, path = open_filesystem(uri)
    files = store.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=True))
    return {file.path.removeprefix(f"{path}/"): file.size for file in files if file.type == fs.FileType.File}


def _earlier_names(uri: StorageUri) -> set[str]:
    """The names of an earlier export, or of one that was not finished; ConfigError where there are others."""
    try:
        names = set(stored_sizes(uri))
        is_own = not names or _is_export(uri, names) or names <= _unfinished_names(uri, names)
    except (OSError, ValueError):
        is_own = False
    if not is_own:
        raise ConfigError(f"{uri}: holds files that no export wrote; move them away, or name a new prefix by --out")
    return names - {UNFINISHED}


def _is_export(uri: StorageUri, names: Iterable[str]) -> bool:
    manifest = json.loads(_read_bytes(uri, MANIFEST)) if MANIFEST in names else None
    return isinstance(manifest, dict) and manifest.get("file_names") == describe_names(names)


def _unfinished_names(uri: StorageUri, names: Iterable[str]) -> set[str]:
    listed = _read_bytes(uri, UNFINISHED).decode().splitlines() if UNFINISHED in names else []
    return {*listed, UNFINISHED, MANIFEST}


def _read_bytes(uri: StorageUri, name: str) -> bytes:
    store, path = open_filesystem(uri)
    with store.open_input_stream(f"{path}/{name}", compression=None) as stream:
        content: bytes = stream.read()
        return content


def put_text(uri: str, name: str, text: str) -> None:
    """Puts a text as a file below an s3:// URI, all of it or nothing; OSError where S3 does not take it."""
    store, path = open_filesystem(uri)
    with store.open_output_stream(f"{path}/{name}", compression=None) as stream:
        stream.write(text.encode())


def _put_file(folder: Path, uri: StorageUri, name: str) -> None:
    store, path = open_filesystem(uri)
    fs.copy_files(str(folder / name), f"{path}/{name}", fs.LocalFileSystem(), store)


def _delete_names(uri: StorageUri, names: Iterable[str]) -> None:
    store, path = open_filesystem(uri)
    _call_each(lambda name: store.delete_file(f"{path}/{name}"), names)


def _call_each(call: Callable[[str], None], names: Iterable[str]) -> None:
    """Calls with every name, UPLOADS of them at a time; some formats have a file an image, so few wait at once."""
    waiting = iter(names)
    with ThreadPoolExecutor(UPLOADS) as pool:
        while batch := list(islice(waiting, BATCH)):
            list(pool.map(call, batch))
