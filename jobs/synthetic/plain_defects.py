"""The kinds of defects of V4 and later, and where they go: rotations, clicks, lines of JSON, headers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from oilake.jobs.synthetic import defect_injection, release_rules
from oilake.jobs.synthetic.defect_injection import Edit, SpooledMember
from oilake.jobs.synthetic.defects import DefectKind, Record, Row, join_record, replace_column
from oilake.jobs.synthetic.release_rules import ListFile, SampleRules

IMAGES, CLICKED, JUDGED = ("all_images",), ("clicked_boxes",), ("judged_last",)
HEADER = "other_header"
FIRST_CLICK, NOT_CLICKED = "XClick1X", "-1"


def _is_clicked(row: Row, n: int) -> bool:
    return row[FIRST_CLICK] != NOT_CLICKED


def _is_negative(row: Row, n: int) -> bool:
    return float(row["Confidence"]) == 0


KINDS = {
    "unknown_subset": DefectKind("wrong_subset", IMAGES, replace_column(Subset=("val", "holdout", "TRAIN"))),
    "invalid_rotation": DefectKind(
        "invalid_rotation", IMAGES, replace_column(Rotation=("45.0", "360.0", "-90.0", "upright"))
    ),
    "partly_clicked": DefectKind(
        "invalid_extreme_points",
        CLICKED,
        replace_column(XClick3X=(NOT_CLICKED,), XClick1Y=(NOT_CLICKED,), XClick4Y=("",)),
        needs=_is_clicked,
    ),
    "click_outside": DefectKind(
        "invalid_extreme_points",
        CLICKED,
        replace_column(XClick2X=("1.200000",), XClick3Y=("-0.100000",), XClick4X=("left",)),
        needs=_is_clicked,
    ),
}
KINDS |= {
    "invalid_clicks": DefectKind("invalid_clicks", ("masks",), replace_column(Clicks=("0.1 0.2", "0.1 0.2 2", "x"))),
    "invalid_estimate": DefectKind("invalid_estimate", ("points",), replace_column(EstimatedYesNo=("maybe", "Yes"))),
    "invalid_votes": DefectKind(
        "invalid_votes", ("points",), replace_column(YesVotes=("-1", "many"), NoVotes=("0.5",))
    ),
    "invalid_relationship": DefectKind(
        "invalid_relationship", ("relationships",), replace_column(RelationshipLabel=("On top", "2", "is_"))
    ),
}


def _damage_line(*replaced: tuple[str, str]) -> Callable[[Row, int], Record]:
    """One of some texts in a line, where it stands first, by turns: each as (what goes, what comes)."""

    def replace_text(row: Row, n: int) -> Record:
        return row[defect_injection.LINE].replace(*replaced[n % len(replaced)], 1).encode()

    return replace_text


def _cut_line(row: Row, n: int) -> Record:
    line = row[defect_injection.LINE]
    return line[: len(line) * (n % 7 + 1) // 8].encode()


NARRATIVES = ("narratives",)
KINDS |= {
    "cut_line": DefectKind("broken_json", NARRATIVES, _cut_line),
    "broken_json": DefectKind(
        "broken_json",
        NARRATIVES,
        _damage_line(('": "', '" "'), ('"traces": [', '"traces": [' * 2), ("}", "")),
    ),
    "wrong_json_type": DefectKind(
        "wrong_json_type",
        NARRATIVES,
        _damage_line(
            ('"annotator_id": ', '"annotator_id": 0.5e'),
            ('"caption": ', '"caption": 7, "caption": '),
            ('"traces": [', '"traces": [7, '),
        ),
    ),
    "invalid_traces": DefectKind(
        "invalid_traces",
        NARRATIVES,
        _damage_line(('{"x": ', '{"x": null, "was": '), ('"y": ', '"why": '), ('"traces": [', '"traces": [null, ')),
    ),
    "invalid_timed_caption": DefectKind(
        "invalid_timed_caption",
        NARRATIVES,
        _damage_line(('"start_time": ', '"start": '), ('"utterance": ', '"utterance": null, "said": ')),
    ),
    "missing_key": DefectKind(
        "missing_value",
        NARRATIVES,
        _damage_line(('"caption": ', '"text": '), ('"image_id": ', '"image": '), ('"traces": ', '"trace": ')),
    ),
}
RETIRED = "retired_mid"
NAMES = (*KINDS, RETIRED, HEADER)


@dataclass(frozen=True)
class PlainDefects:
    """What is planted: edits of files of rows, by their paths, and lists whose header is the other way round."""

    kinds: Mapping[str, DefectKind]
    edits: Mapping[str, Sequence[Edit]]
    odd_headers: tuple[str, ...]


def available_kinds(names: Collection[str]) -> list[str]:
    """The kinds that fit some of these files."""
    rules = release_rules.load_rules()
    places = {place for name in names if name in rules.rows for place in [_place_of(rules, name)]}
    kinds = [kind for kind, defect in KINDS.items() if places & set(defect.tables)]
    kinds += [RETIRED] if places & set(JUDGED) else []
    return kinds + ([HEADER] if any(name in rules.lists and rules.lists[name].has_names for name in names) else [])


def spare_narratives(defect_counts: Mapping[str, int], rows: Mapping[str, int]) -> dict[str, int]:
    """How many lines the longest file of narratives lacks for so many bad ones, by its name; `rows`: lines by file.

    A shard of a small sample has so few lines that one bad line refuses it.
    """
    bad = sum(n for name, n in defect_counts.items() if name in KINDS and KINDS[name].tables == NARRATIVES)
    if not (bad and rows):
        return {}
    longest = max(rows, key=lambda name: rows[name])
    return {longest: max(0, defect_injection.fewest_rows(bad) - rows[longest])}


def retired_kind(mids: Sequence[str]) -> DefectKind:
    """A no to a class that the release's own list lacks: the row is kept, and names no class of the release."""

    def name_retired(row: Row, n: int) -> Record:
        return join_record({**row, "LabelName": mids[n % len(mids)]})

    return DefectKind("", JUDGED, name_retired, replaces=True, needs=_is_negative)


def plan_defects(
    seed: int,
    defect_counts: Mapping[str, int],
    members: Sequence[SpooledMember],
    lists: Sequence[str],
    retired: Sequence[str],
) -> PlainDefects:
    """Where the wanted defects go; `lists`: the written files of names, `retired`: MIDs that went."""
    kinds = {**KINDS, RETIRED: retired_kind(retired)} if retired else dict(KINDS)
    counts = {name: count for name, count in defect_counts.items() if name in kinds}
    edits = defect_injection.plan_edits(seed, counts, members, kinds) if counts else {}
    return PlainDefects(kinds, edits, tuple(lists[: defect_counts.get(HEADER, 0)]))


def spooled_members(rules: SampleRules, spools: Mapping[str, Path]) -> list[SpooledMember]:
    """The files of rows that wait in spools (by name), as places for defects."""
    return [
        SpooledMember(
            name, name, _place_of(rules, name), rules.rows[name].subset or "", spool, rules.rows[name].is_json
        )
        for name, spool in spools.items()
    ]


def _place_of(rules: SampleRules, name: str) -> str:
    form = rules.rows[name]
    if rules.is_clicked(name):
        return CLICKED[0]
    return JUDGED[0] if form.content == "human" and form.state == max(rules.releases) else form.content


def turned_header(form: ListFile) -> ListFile:
    """The file with a header where it has none, and without where it has one."""
    return replace(form, header=not form.header)
