"""The release registry: one YAML a release says which files it has, what they hold and what was published about it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_value
from oilake.conf.yaml_loader import build_dataclass, load_yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SUBSETS = ("train", "validation", "test")

Origin = Literal["machine", "human", "crowdsource"]
Format = Literal["csv", "classes", "descriptions", "hierarchy"]
ClassList = Literal["all", "trainable", "boxable", "box_trainable"]
IdForm = Literal["hex", "decimal"]


@dataclass(frozen=True)
class Member:
    """What one path pattern inside an archive (or one loose file) holds.

    `pattern` may contain `{subset}`, which stands for each of `subsets` (the release's, unless given here). A file of rows
    (`csv`) whose pattern lacks it is of the one subset that `subsets` names.
    `columns` names an entry of the release's `columns`; `optional_columns` may be absent from the header. `ids`: how the
    rows write their image IDs, `hex` or `decimal`; where it is not given, short ones that could be either are refused.
    """

    table: str
    pattern: str
    format: Format = "csv"
    columns: str | None = None
    optional_columns: tuple[str, ...] = ()
    subsets: tuple[str, ...] | None = None
    list: ClassList | None = None
    ids: IdForm | None = None


@dataclass(frozen=True)
class File:
    """One published file: `kind` tells how its bytes are packed."""

    name: str
    url: str
    kind: Literal["tar.gz", "plain"]
    members: tuple[Member, ...]


@dataclass(frozen=True)
class PublishedFigures:
    """The figures that the release's own page states; what it does not state is absent."""

    images: dict[str, int] = field(default_factory=dict)
    machine_labels: dict[str, int] = field(default_factory=dict)
    human_labels_positive: dict[str, int] = field(default_factory=dict)
    human_labels_negative: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, int] = field(default_factory=dict)
    images_with_boxes: dict[str, int] = field(default_factory=dict)
    machine_classes: int | None = None
    machine_classes_trainable: int | None = None
    human_classes: int | None = None
    human_classes_trainable: int | None = None
    classes: int | None = None
    classes_trainable: int | None = None
    box_classes: int | None = None
    box_classes_trainable: int | None = None


@dataclass(frozen=True)
class Release:
    """One release of the dataset, as its YAML file tells it."""

    release: str
    tag: str
    title: str
    date: datetime.date
    citation: str
    licenses: dict[str, str]
    subsets: tuple[str, ...]
    sources: dict[str, Origin]
    box_sources: tuple[str, ...]
    columns: dict[str, dict[str, str]]
    files: tuple[File, ...]
    published: PublishedFigures


# What only the declarations of the tables can tell of a release; the text is where its errors begin.
TablesCheck = Callable[[Release, str], None]


def packaged_registry() -> Traversable:
    """The folder of the registry that ships with the project."""
    return files("oilake.conf") / "releases"


def load_releases(folder: str | None = None, check_tables: TablesCheck | None = None) -> dict[str, Release]:
    """Every release of a registry folder (the packaged one unless given), by name, in the order of their dates.

    Jobs load them by `schemas/release_registry.py`, which gives `check_tables`.
    """
    root: Traversable | Path = Path(folder) if folder else packaged_registry()
    if not root.is_dir():
        raise ConfigError(f"{root}: no such registry folder; give --registry the folder of the release YAML files")
    files_and_releases: dict[str, tuple[str, Release]] = {}
    for path in sorted((path for path in root.iterdir() if path.name.endswith(".yaml")), key=lambda path: path.name):
        release = load_release(path, check_tables)
        if release.release in files_and_releases:
            other_file = files_and_releases[release.release][0]
            raise ConfigError(f"{path}: {other_file} tells of release {release.release} too; remove one of them")
        files_and_releases[release.release] = (path.name, release)
    if not files_and_releases:
        raise ConfigError(f"{root}: holds no release YAML file; give --registry the folder of the release YAML files")
    ordered = sorted((release for _, release in files_and_releases.values()), key=lambda r: (r.date, r.release))
    return {release.release: release for release in ordered}


def find_release(name: str, folder: str | None = None, check_tables: TablesCheck | None = None) -> Release:
    """The release called `name`; ConfigError lists the known ones when there is none."""
    releases = load_releases(folder, check_tables)
    if name not in releases:
        raise ConfigError(f"unknown release {name!r}; known: {', '.join(releases)}")
    return releases[name]


def load_release(path: Traversable | Path, check_tables: TablesCheck | None = None) -> Release:
    """One release from its YAML file, checked: ConfigError names the file and the key that does not fit."""
    release = build_dataclass(Release, load_yaml(path), str(path))
    _check_names(release, str(path))
    if check_tables:
        check_tables(release, str(path))
    for n, file in enumerate(release.files):
        for m, member in enumerate(file.members):
            _check_member(release, member, f"{path}: files[{n}].members[{m}]")
        _check_paths(release, file, f"{path}: files[{n}]")
    return release


def _check_names(release: Release, path: str) -> None:
    """What becomes a partition, a path or a column."""
    if not re.fullmatch("v[0-9]+", release.release):
        raise ConfigError(f"{path}: release must be v and a number, not {brief_value(release.release)}")
    for key, name in [("tag", release.tag), *((f"files[{n}].name", f.name) for n, f in enumerate(release.files))]:
        if not re.fullmatch(r"[\w-][\w.-]*", name):
            raise ConfigError(f"{path}: {key} must be a plain file name, not {brief_value(name)}")
    for subset in release.subsets:
        if subset not in SUBSETS:
            raise ConfigError(f"{path}: subsets must be of {', '.join(SUBSETS)}, not {brief_value(subset)}")


def _check_member(release: Release, member: Member, where: str) -> None:
    if member.format == "csv" and member.columns not in release.columns:
        raise ConfigError(f"{where}.columns must be one of {', '.join(release.columns)}, not {member.columns!r}")
    if (member.format == "classes") != (member.list is not None):
        raise ConfigError(f"{where}.list is given for the format 'classes' and no other")
    if member.format == "csv" and member.columns != member.table:
        raise ConfigError(
            f"{where}.columns must be {member.table}, the columns of its own table, not {member.columns!r}"
        )
    if member.ids and member.format != "csv":
        raise ConfigError(f"{where}.ids is given for rows of images, labels and boxes (format 'csv') and no others")
    for subset in member.subsets or ():
        if subset not in release.subsets:
            raise ConfigError(f"{where}.subsets: {subset!r} is none of the release's {', '.join(release.subsets)}")
    if member.format == "csv" and "{subset}" not in member.pattern and len(member.subsets or ()) != 1:
        raise ConfigError(
            f"{where}.pattern: {member.pattern!r} does not tell the subset of its rows; put {{subset}} where the path "
            "names it, or name the one subset in `subsets`"
        )
    published = release.columns.get(member.columns or "", {})
    for name in member.optional_columns:
        if name not in published:
            raise ConfigError(f"{where}.optional_columns: {name!r} is not in columns.{member.columns}")


def _check_paths(release: Release, file: File, where: str) -> None:
    """What would be read once instead of twice, or could not be found in the file."""
    paths = [expected.path for expected in expected_members(release, file)]
    if repeated := [path for path in paths if paths.count(path) > 1]:
        raise ConfigError(f"{where}.members: {repeated[0]!r} is named twice; leave one of them out")
    if file.kind == "plain" and paths != [file.name]:
        raise ConfigError(
            f"{where}.members: a plain file is its one member; its pattern must give {file.name!r} and no other"
        )
    if len({member.format == "csv" for member in file.members}) > 1:
        raise ConfigError(f"{where}.members: rows and lists cannot stand in one file; no release has such a file")


@dataclass(frozen=True)
class ExpectedMember:
    """One member that a release must hold: its path in the archive (or the loose file's name); `subset`: None of lists."""

    file: File
    path: str
    member: Member
    subset: str | None


def expected_members(release: Release, file: File) -> list[ExpectedMember]:
    """Every member that `file` must hold, `{subset}` expanded, in the registry's order."""
    expected = []
    for member in file.members:
        if "{subset}" in member.pattern:
            for subset in member.subsets or release.subsets:
                expected.append(ExpectedMember(file, member.pattern.replace("{subset}", subset), member, subset))
        else:
            expected.append(ExpectedMember(file, member.pattern, member, member.subsets[0] if member.subsets else None))
    return expected
