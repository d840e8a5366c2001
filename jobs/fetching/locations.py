"""Where a release's files come from: the registry's addresses, or another place with the landing area's layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from oilake.conf.chosen_files import ALL_FILES, FileChoice, chosen_files
from oilake.conf.errors import ConfigError
from oilake.conf.mask_files import every_mask_file, mask_files
from oilake.conf.registry import File, Release, landing_path
from oilake.conf.settings import FetchSettings
from oilake.conf.storage import Storage
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.transport import http, local
from oilake.jobs.transport.address_guard import host_and_port
from oilake.jobs.transport.source import Source


@dataclass(frozen=True)
class FetchRequest:
    """What is asked for. `base`: another place than the registry's; `names`: these files and no others; `choice`: what
    tables and subsets need, where no names are given; `check`: ask whether fetched files have changed since;
    `accept_changed`: take bytes that are not the stated ones; `masks`: the zips of the masks instead."""

    base: str | None = None
    names: tuple[str, ...] = ()
    choice: FileChoice = ALL_FILES
    check: bool = False
    accept_changed: bool = False
    masks: bool = False


@dataclass(frozen=True)
class FetchItem:
    """One file to bring: what is declared of it, its address (URL, s3:// URI or local path) and where it goes, also as
    `path` in the landing area."""

    file: File
    url: str
    target: Path
    path: str

    @property
    def name(self) -> str:
        """The published name."""
        return self.file.name


def items_to_fetch(release: Release, landing: str, request: FetchRequest) -> list[FetchItem]:
    """What to bring, in the registry's order; ConfigError where a name, a choice or a place does not fit."""
    if "://" in landing:
        raise ConfigError(
            f"{landing}: fetch writes to a landing area in a folder or on S3; give --landing one of these"
        )
    asked = _asked_files(release, request)
    return [_item_to_fetch(file, landing_path(release, file.name), landing, request.base) for file in asked]


def _asked_files(release: Release, request: FetchRequest) -> list[File]:
    if request.names:
        return _named_files(release, request.names)
    if request.masks:
        return [archive.file for archive in mask_files(release, request.choice.subsets)]
    return [chosen.file for chosen in chosen_files(release, request.choice)]


def _named_files(release: Release, names: tuple[str, ...]) -> list[File]:
    """The files of these names, the zips of the masks among them."""
    files = [*release.files, *(archive.file for archive in every_mask_file(release))]
    if unknown := sorted(set(names) - {file.name for file in files}):
        zips = ", and the zips of its masks" * bool(release.mask_archives)
        raise ConfigError(
            f"release {release.release} has no file {', '.join(unknown)}; it has "
            f"{', '.join(file.name for file in release.files)}{zips}"
        )
    return [file for file in files if file.name in names]


def _item_to_fetch(file: File, path: str, landing: str, base: str | None) -> FetchItem:
    return FetchItem(file, _file_address(file, path, base), Path(landing).absolute() / path, path)


def _file_address(file: File, path: str, base: str | None) -> str:
    if base is None:
        return file.url
    return join_uri(base, path) if "://" in base else str(Path(base).absolute() / path)


def sources_by_address(items: list[FetchItem], fetch: FetchSettings, storage: Storage) -> dict[str, Source]:
    """The source of each item, by its address; ConfigError where an address is of no kind that is known.

    The servers that the addresses name may be private ones; what they redirect to may not, but for themselves.
    """
    kinds = {item.url: _source_kind(item) for item in items}
    _check_folders([item for item in items if kinds[item.url] == "folder"])
    named = {_item_origin(item) for item in items if kinds[item.url] == "http"}
    sources = {kind: _open_source(kind, fetch, storage, named) for kind in set(kinds.values())}
    return {url: sources[kind] for url, kind in kinds.items()}


def _source_kind(item: FetchItem) -> str:
    parts = urlsplit(item.url)
    if "://" not in item.url:
        return "folder"
    if parts.scheme not in ("http", "https", "s3"):
        raise ConfigError(
            f"{item.url}: files come from http, https, s3 or a local folder; correct --from, or the url in the registry"
        )
    if parts.username or parts.query or parts.fragment:
        raise ConfigError(
            f"the address of {item.name} must be plain: no user, no ? and no #; correct --from, or its url in the registry"
        )
    return "s3" if parts.scheme == "s3" else "http"


def _item_origin(item: FetchItem) -> tuple[str, int]:
    try:
        return host_and_port(item.url)
    except ValueError:
        raise ConfigError(
            f"the address of {item.name}, {item.url}, names no host and port; correct --from or the registry"
        ) from None


def _open_source(kind: str, fetch: FetchSettings, storage: Storage, named: set[tuple[str, int]]) -> Source:
    if kind == "s3":
        from oilake.jobs.transport import s3  # boto3 takes a while to import, and most runs need none of it

        return s3.s3_source(fetch, storage)
    return http.http_source(fetch, is_guarded=True, named=named) if kind == "http" else local.local_source()


def _check_folders(items: list[FetchItem]) -> None:
    """ConfigError where none of the folders is there, or a file would be copied onto itself."""
    folders = [Path(item.url).parents[item.path.count("/") - 1] for item in items]
    if folders and not any(folder.is_dir() for folder in folders):
        raise ConfigError(f"{folders[0]}: no such folder; --from takes a folder that holds {items[0].path}")
    for item in items:
        if Path(item.url).resolve() == item.target.resolve():
            raise ConfigError(
                f"{Path(item.url).parent}: the files would be copied onto themselves; give another --from or --landing"
            )
