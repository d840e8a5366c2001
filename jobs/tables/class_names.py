"""Classes as people name them: by a MID in any spelling, or by a display name in any case."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from oilake.conf.errors import ConfigError
from oilake.jobs.runtime.locked_duckdb import locked_settings
from oilake.jobs.tables.slice_files import small_rows
from oilake.jobs.tables.snapshots import Snapshot
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.transforms.spelled_ids import spelled_mid

NEAREST = 5

Class = tuple[str, str | None]


def listed_classes(warehouse: Warehouse, pins: Iterable[Snapshot]) -> list[Class]:
    """(MID, display name) of every class of some releases, each once, sorted by MID."""
    rows = (row for pin in pins for row in small_rows(warehouse, "classes", pin, ["mid", "display_name"]))
    return sorted({(row["mid"], row["display_name"]) for row in rows}, key=lambda known: (known[0], known[1] or ""))


def find_class(text: str, classes: Sequence[Class], flag: str, where: str) -> str:
    """The MID of the class that `text` names; `where`: whose classes these are.

    A name as it is written comes before one in another case, and a name before `0bt9lr`, the last part of a MID.
    ConfigError, beginning with `flag`, lists the MIDs of an ambiguous name, or the names nearest to an unknown one.
    """
    listed_mids = {mid for mid, _ in classes}
    if (spelled := mid_of(text)) in listed_mids:
        return str(spelled)
    for spelling_of in (_normalized_name, _folded_name):
        matching_mids = sorted(
            {mid for mid, name in classes if name is not None and spelling_of(name) == spelling_of(text)}
        )
        if len(matching_mids) > 1:
            raise ConfigError(
                f"{flag} {text!r}: {len(matching_mids)} classes of {where} have this name, {', '.join(matching_mids)}; "
                "give its MID"
            )
        if matching_mids:
            return matching_mids[0]
    bare = [mid for mid in listed_mids if mid.rpartition("/")[2] == _folded_name(text)]
    if len(bare) == 1:
        return bare[0]
    raise _unknown_class_error(text, classes, flag, where)


def mid_of(text: str) -> str | None:
    """The MID that `text` spells in any of the ways that ingest reads; None when it is none."""
    return spelled_mid(text.strip())


def _normalized_name(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).split())


def _folded_name(name: str) -> str:
    return _normalized_name(name).casefold()


def _unknown_class_error(text: str, classes: Sequence[Class], flag: str, where: str) -> ConfigError:
    if not classes:
        return ConfigError(
            f"{flag} {text!r}: {where} lists no classes; run `oilake ingest --release R` with its class lists first"
        )
    spellings: dict[str, list[Class]] = {}
    for mid, name in classes:
        for spelling in filter(None, (mid, name)):
            spellings.setdefault(_folded_name(spelling), []).append((mid, name))
    nearest = _nearest_spellings(mid_of(text) or _folded_name(text), list(spellings))
    close = list(dict.fromkeys(candidate for spelling in nearest for candidate in spellings[spelling]))
    hint = f"the nearest are {_class_list(close)}" if close else f"there are {_class_list(classes[:NEAREST])}, …"
    return ConfigError(f"{flag} {text!r}: no class of {where} is called so; {hint}; `oilake show classes` lists all")


def _nearest_spellings(text: str, spellings: Sequence[str]) -> list[str]:
    """Those from which the fewest letters are wrong, missing, too many or exchanged, at most a third; then those that share
    a word with the text."""
    import duckdb  # whoever names a class that there is does without

    with duckdb.connect(":memory:", config=locked_settings("256MB", 1)) as connection:
        query = (
            "SELECT spelling FROM (SELECT spelling, damerau_levenshtein(spelling, $text) AS wrong "
            "FROM (SELECT unnest($spellings) AS spelling)) "
            "WHERE wrong <= $most OR list_has_any(string_split(spelling, ' '), string_split($text, ' ')) "
            "ORDER BY wrong > $most, wrong, spelling LIMIT $limit"
        )
        values = {"text": text, "spellings": spellings, "most": len(text) // 3, "limit": NEAREST}
        return [spelling for (spelling,) in connection.execute(query, values).fetchall()]


def _class_list(classes: Sequence[Class]) -> str:
    return ", ".join(f"{name or 'no name'} ({mid})" for mid, name in classes)
