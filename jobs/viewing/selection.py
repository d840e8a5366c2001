"""Which images a page shows, as its address says: every view can be kept, sent and opened again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS
from oilake.jobs.tables import class_names
from oilake.jobs.tables.class_names import Class
from oilake.jobs.transforms import verdicts

VERDICTS = tuple(verdicts.VERDICTS.values())
SOURCES = ("human", "crowdsource", "machine")
CHANGES = {
    "image_changes": ("added", "removed", "moved_subset", "metadata_changed"),
    "label_changes": (
        "added", "made_leaf_most", "removed", "flipped", "newly_verified", "no_longer_verified", "confidence_changed",
    ),
    "box_changes": ("added", "removed", "redrawn", "unchanged"),
}  # fmt: skip
CLOSED = {
    "subset": SUBSETS,
    "verdict": VERDICTS,
    "source": SOURCES,
    "below": ("1",),
    "conflict": ("1",),
    "change": tuple(f"{table}:{kind}" for table, kinds in CHANGES.items() for kind in kinds),
}
LONGEST = 200


@dataclass(frozen=True)
class Selection:
    """The filters of a page; an empty one chooses nothing away. Its fields are the names in the address.

    `mid`: a class, with those below it in the hierarchy where `below` is 1. `source`: whose verdict it is. `since`: the
    earlier release of a change, which is a table and a kind such as label_changes:flipped. `blob`: the status of a blob's
    check. `contradiction`: a kind. `license`: a part of the licence's URL. `after`: the last image of the page before.
    """

    release: str
    mid: str = ""
    below: str = ""
    subset: str = ""
    verdict: str = ""
    source: str = ""
    conflict: str = ""
    since: str = ""
    change: str = ""
    contradiction: str = ""
    blob: str = ""
    license: str = ""
    after: str = ""

    @property
    def asks_labels(self) -> bool:
        """Whether a label decides, and not the image alone."""
        return any((self.mid, self.verdict, self.source, self.conflict))

    @property
    def change_table(self) -> str:
        """The table of the change that is asked for."""
        return self.change.partition(":")[0]

    @property
    def change_kind(self) -> str:
        """The kind of change that is asked for."""
        return self.change.partition(":")[2]

    def address_query(self, **changed: str) -> str:
        """The address's query for this selection, with some filters changed."""
        values = {name: str(getattr(self, name)) for name in FIELDS} | changed
        return urlencode({name: value for name, value in values.items() if value})

    def from_start(self) -> Selection:
        """The same selection from its first image on."""
        return replace(self, after="")


FIELDS = tuple(field.name for field in fields(Selection))


def parse_selection(query: Mapping[str, str], releases: Sequence[str]) -> Selection:
    """The selection that an address asks for, of the newest release where none is named; ConfigError where it is wrong."""
    values = {name: query.get(name, "").strip() for name in FIELDS}
    for name, value in values.items():
        if len(value) > LONGEST:
            raise ConfigError(f"{name}: is longer than {LONGEST} characters")
        if value and name in CLOSED and value not in CLOSED[name]:
            raise ConfigError(f"{name}={value!r}: must be one of {', '.join(CLOSED[name])}")
    if not releases:
        raise ConfigError("nothing is published in this warehouse yet; run `oilake ingest --release R` first")
    values["release"] = values["release"] or releases[-1]
    for name in ("release", "since"):
        if values[name] and values[name] not in releases:
            raise ConfigError(f"{name}={values[name]!r}: is not published here (published: {', '.join(releases)})")
    if values["change"] and not values["since"]:
        raise ConfigError("change: is between two releases; give since, the earlier one, too")
    return Selection(**values)


def with_class(selection: Selection, classes: Sequence[Class]) -> Selection:
    """The same with the class by its MID, however it was named; ConfigError where the release has no such class."""
    if not selection.mid:
        return selection
    spelled = class_names.mid_of(selection.mid)
    mid = spelled or class_names.find_class(selection.mid, classes, "class", selection.release)
    return replace(selection, mid=mid)
