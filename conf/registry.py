"""The release registry: one YAML a release says which files it has, what they hold and what was published about it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from oilake.conf import file_checks, mask_archives, published_pages, shared_files
from oilake.conf.errors import ConfigError
from oilake.conf.published_pages import PublishedPage, TrainableCondition
from oilake.conf.release_order import release_number
from oilake.conf.shared_files import FileReference
from oilake.conf.showing import brief_value
from oilake.conf.yaml_loader import build_dataclass, load_yaml

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

T = TypeVar("T")

SUBSETS = ("train", "validation", "test")

ROW_FORMATS = ("csv", "json_lines", "image_list")
PLAIN_NAME = r"[\w-][\w.-]*"

Origin = Literal["machine", "human", "crowdsource"]
Format = Literal["csv", "json_lines", "image_list", "classes", "descriptions", "hierarchy"]
ClassList = Literal["all", "trainable", "boxable", "box_trainable", "segmentable"]
ImageList = Literal["boxable", "human_labels"]
IdForm = Literal["hex", "decimal"]
HeaderForm = Literal["absent", "present", "either"]
StatedBy = Literal["publisher", "two_parties", "one_party"]


@dataclass(frozen=True)
class Member:
    """What one path pattern inside an archive (or one loose file) holds.

    `pattern` may contain `{subset}`, which stands for each of `subsets` (the release's, unless given here). A file of rows
    (`csv`, `json_lines`) whose pattern lacks it is of the one subset that `subsets` names; rows of no image are of none.
    `columns` names an entry of the release's `columns`; `optional_columns` may be absent from the header. `ids`: how the
    rows write their image IDs, `hex` or `decimal`; where it is not given, short ones that could be either are refused.
    `subset_column`: each row names its subset in the column `subset`; `subsets` are then those that may occur.
    `header`: whether the first line names columns; `present` of rows and `either` of descriptions, where it is not given. Of
    a file without, columns stand in the order of `columns`. `image_lists`: the lists that the images
    of an `image_list` stand in. `null_values`: texts that mean "no value", by our column; fractions are compared by value.
    """

    table: str
    pattern: str
    format: Format = "csv"
    columns: str | None = None
    optional_columns: tuple[str, ...] = ()
    subsets: tuple[str, ...] | None = None
    list: ClassList | None = None
    ids: IdForm | None = None
    subset_column: bool = False
    header: HeaderForm | None = None
    image_lists: tuple[ImageList, ...] = ()
    null_values: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class KnownChecksum:
    """A checksum in lower-case hex (one of `md5` and `sha256`) that was stated of a published file, by whom, and where."""

    stated_by: StatedBy
    source: str
    md5: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class File:
    """One published file: `kind` tells how its bytes are packed.

    A `name` with slashes is the published path: the file lies there in the landing area, once for all releases; another
    lies in the folder of its release's tag. `size`: bytes, where known; `approximate_size`: rounded, for sums and no
    comparison. `subset_of`: files of the release that hold every row of this one; `is_whole_subset`: it lacks none of the
    rows that these have of its subsets. `optional`: nobody is known to have it, so that a release without it is complete.
    `release`: the one that declares the file, where it is another.
    """

    name: str
    url: str
    kind: Literal["tar.gz", "plain"]
    members: tuple[Member, ...]
    size: int | None = None
    size_stated_by: StatedBy | None = None
    approximate_size: int | None = None
    checksums: tuple[KnownChecksum, ...] = ()
    since: datetime.date | None = None
    subset_of: tuple[str, ...] = ()
    is_whole_subset: bool = False
    optional: bool = False
    release: str | None = None


@dataclass(frozen=True)
class StatedArchive:
    """What was stated of one zip of masks: its size in bytes and its MD5 in lower-case hex."""

    size: int
    md5: str


@dataclass(frozen=True)
class MaskArchives:
    """The zips that hold the PNGs of a subset's masks, one for each first hex digit of an image ID.

    `{digit}` in `name` (a published path) and `url` stands for it. `stated`: by digit, where it is known, then with who
    stated it and where. `release`: the one that declares them, where it is another.
    """

    subset: str
    name: str
    url: str
    stated: dict[str, StatedArchive] = field(default_factory=dict)
    stated_by: StatedBy | None = None
    source: str = ""
    release: str | None = None


@dataclass(frozen=True)
class PublishedFigures:
    """The figures that the release's own page states; what it does not state is absent."""

    images: dict[str, int] = field(default_factory=dict)
    machine_labels: dict[str, int] = field(default_factory=dict)
    human_labels_positive: dict[str, int] = field(default_factory=dict)
    human_labels_negative: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, int] = field(default_factory=dict)
    images_with_boxes: dict[str, int] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)
    images_with_masks: dict[str, int] = field(default_factory=dict)
    points: dict[str, int] = field(default_factory=dict)
    relationships: dict[str, int] = field(default_factory=dict)
    narratives: dict[str, int] = field(default_factory=dict)
    images_with_narratives: dict[str, int] = field(default_factory=dict)
    machine_classes: int | None = None
    machine_classes_trainable: int | None = None
    human_classes: int | None = None
    human_classes_trainable: int | None = None
    classes: int | None = None
    classes_trainable: int | None = None
    box_classes: int | None = None
    box_classes_trainable: int | None = None
    mask_classes: int | None = None
    point_classes: int | None = None
    relationship_triplets: int | None = None

    def given_figures(self) -> dict[str, bool]:
        """Every figure that a release may publish, and whether this one does."""
        return {name: value not in (None, {}) for name, value in vars(self).items()}


@dataclass(frozen=True)
class Release:
    """One release of the dataset, as its YAML file and those that it refers to tell it.

    `box_sources`: by subset. `columns`: published name -> ours; those of a shared file are called `<release>.<table>`,
    after the release that declares it. `mask_archives` are no files of tables: only who asks for them gets them.
    """

    release: str
    tag: str
    title: str
    date: datetime.date
    citation: str
    licenses: dict[str, str]
    subsets: tuple[str, ...]
    sources: dict[str, Origin]
    box_sources: dict[str, tuple[str, ...]]
    columns: dict[str, dict[str, str]]
    files: tuple[File, ...]
    published: PublishedFigures
    pages: tuple[PublishedPage, ...] = ()
    trainable_rule: tuple[TrainableCondition, ...] = ()
    mask_archives: tuple[MaskArchives, ...] = ()


@dataclass(frozen=True)
class DeclaredRelease:
    """One YAML file, at `path`: the release with its own files and zips of masks, and, with the references in their order,
    its files (`entries`) and zips (`mask_entries`)."""

    path: str
    release: Release
    entries: tuple[File | FileReference, ...]
    mask_entries: tuple[MaskArchives | FileReference, ...] = ()

    def own_files(self) -> Iterator[tuple[str, File]]:
        """Each file that is declared here, with the text by which errors name its place."""
        for n, entry in enumerate(self.entries):
            if isinstance(entry, File):
                yield f"{self.path}: files[{n}]", entry


# What only the declarations of the tables can tell of a release.
TablesCheck = Callable[[DeclaredRelease], None]


def packaged_registry() -> Traversable:
    """The folder of the registry that ships with the project."""
    return files("oilake.conf") / "releases"


def load_releases(folder: str | None = None, check_tables: TablesCheck | None = None) -> dict[str, Release]:
    """Every release of a registry folder (the packaged one unless given), by name, in the order of their numbers.

    Jobs load them by `schemas/release_registry.py`, which gives `check_tables`.
    """
    root: Traversable | Path = Path(folder) if folder else packaged_registry()
    if not root.is_dir():
        raise ConfigError(f"{root}: no such registry folder; give --registry the folder of the release YAML files")
    declared: dict[str, DeclaredRelease] = {}
    for path in sorted((path for path in root.iterdir() if path.name.endswith(".yaml")), key=lambda path: path.name):
        loaded = load_release(path, check_tables)
        name = loaded.release.release
        if name in declared:
            raise ConfigError(f"{path}: {declared[name].path} tells of release {name} too; remove one of them")
        declared[name] = loaded
    if not declared:
        raise ConfigError(f"{root}: holds no release YAML file; give --registry the folder of the release YAML files")
    releases = [
        replace(
            shared_files.resolve_references(each, declared),
            mask_archives=mask_archives.resolve_archives(each, declared),
        )
        for each in declared.values()
    ]
    file_checks.refuse_repeated_paths(releases)
    return {each.release: each for each in sorted(releases, key=lambda each: release_number(each.release))}


def find_release(name: str, folder: str | None = None, check_tables: TablesCheck | None = None) -> Release:
    """The release called `name`; ConfigError lists the known ones when there is none."""
    releases = load_releases(folder, check_tables)
    if name not in releases:
        raise ConfigError(f"unknown release {name!r}; known: {', '.join(releases)}")
    return releases[name]


def load_release(path: Traversable | Path, check_tables: TablesCheck | None = None) -> DeclaredRelease:
    """One release from its YAML file, checked: ConfigError names the file and the key that does not fit."""
    document = shared_files.with_defaults(load_yaml(path))
    items = document.get("files") if isinstance(document, dict) else None
    if not isinstance(items, list):
        shapeless = build_dataclass(Release, document, str(path))
        return DeclaredRelease(str(path), shapeless, shapeless.files)
    entries = tuple(_build_entry(File, item, str(path), f"files[{n}]") for n, item in enumerate(items))
    own_files = tuple(entry for entry in entries if isinstance(entry, File))
    mask_entries = tuple(
        _build_entry(MaskArchives, item, str(path), f"mask_archives[{n}]")
        for n, item in enumerate(mask_archives.entry_items(document, str(path)))
    )
    own_masks = tuple(entry for entry in mask_entries if isinstance(entry, MaskArchives))
    without_entries = build_dataclass(Release, {**document, "files": [], "mask_archives": []}, str(path))
    release = replace(without_entries, files=own_files, mask_archives=own_masks)
    declared = DeclaredRelease(str(path), release, entries, mask_entries)
    _check_names(release, str(path))
    published_pages.check_pages(release.pages, release.published.given_figures(), release.subsets, str(path))
    published_pages.check_rule(release.trainable_rule, release.subsets, str(path))
    if check_tables:
        check_tables(declared)
    for where, file in declared.own_files():
        for m, member in enumerate(file.members):
            _check_member(release, member, f"{where}.members[{m}]")
            file_checks.check_member(release, member, f"{where}.members[{m}]")
        _check_paths(release, file, where)
        file_checks.check_claims(file, where)
    mask_archives.check_archives(declared)
    return declared


def _build_entry(kind: type[T], item: object, path: str, key: str) -> T | FileReference:
    if isinstance(item, dict) and "release" in item:
        return build_dataclass(FileReference, item, path, key)
    return build_dataclass(kind, item, path, key)


def landing_path(release: Release, file_name: str) -> str:
    """Where a file of the release lies below the landing area, as a relative path."""
    return file_name if "/" in file_name else f"{release.tag}/{file_name}"


def subset_box_sources(release: Release, subset: str | None) -> tuple[str, ...]:
    """The sources that boxes of the subset may have; of an unknown one, those of any."""
    anywhere = dict.fromkeys(source for sources in release.box_sources.values() for source in sources)
    return release.box_sources.get(subset or "", tuple(anywhere))


def _check_names(release: Release, path: str) -> None:
    """What becomes a partition, a path or a column."""
    if not re.fullmatch("v[0-9]+", release.release):
        raise ConfigError(f"{path}: release must be v and a number, not {brief_value(release.release)}")
    if not re.fullmatch(PLAIN_NAME, release.tag):
        raise ConfigError(f"{path}: tag must be a plain file name, not {brief_value(release.tag)}")
    for subset in release.subsets:
        if subset not in SUBSETS:
            raise ConfigError(f"{path}: subsets must be of {', '.join(SUBSETS)}, not {brief_value(subset)}")
    if lacking := [subset for subset in release.subsets if subset not in release.box_sources]:
        raise ConfigError(f"{path}: box_sources lacks {', '.join(lacking)}; give every subset a list, if an empty one")


def _check_member(release: Release, member: Member, where: str) -> None:
    has_rows = member.format in ROW_FORMATS
    if has_rows and member.columns not in release.columns:
        raise ConfigError(f"{where}.columns must be one of {', '.join(release.columns)}, not {member.columns!r}")
    if has_rows and member.columns != member.table:
        raise ConfigError(
            f"{where}.columns must be {member.table}, the columns of its own table, not {member.columns!r}"
        )
    if member.ids and not has_rows:
        raise ConfigError(f"{where}.ids is given for rows of images, labels and the like and no others")
    for subset in member.subsets or ():
        if subset not in release.subsets:
            raise ConfigError(f"{where}.subsets: {subset!r} is none of the release's {', '.join(release.subsets)}")
    published = release.columns.get(member.columns or "", {})
    tells_subset = "{subset}" in member.pattern or len(member.subsets or ()) == 1 or member.subset_column
    if has_rows and "image_id" in published.values() and not tells_subset:
        raise ConfigError(
            f"{where}.pattern: {member.pattern!r} does not tell the subset of its rows; put {{subset}} where the path "
            "names it, name the one subset in `subsets`, or say `subset_column: true` where a column tells it"
        )
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
    if len({member.format in ROW_FORMATS for member in file.members}) > 1:
        raise ConfigError(f"{where}.members: rows and lists cannot stand in one file; no release has such a file")


@dataclass(frozen=True)
class ExpectedMember:
    """One member that a release must hold: its path in the archive (or the loose file's name).

    `subset`: None of class lists, and of rows that tell it in a column.
    """

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
            named = member.subsets[0] if member.subsets and not member.subset_column else None
            expected.append(ExpectedMember(file, member.pattern, member, named))
    return expected
