"""The results of all contenders are the same rows: every row at small scales, counts and sums at large ones."""

from __future__ import annotations

from pathlib import Path

import duckdb
from deltalake import DeltaTable

from bench.work import Work

COLUMNS = {
    "labels": "image_id, source, mid, confidence",
    "images": (
        "image_id, original_url, original_landing_url, license, author_profile_url, original_size, original_md5, "
        "thumbnail_300k_url"
    ),
    "boxes": (
        "image_id, source, mid, confidence, x_min, x_max, y_min, y_max, "
        "is_occluded, is_truncated, is_group_of, is_depiction, is_inside"
    ),
    "narratives": "image_id, annotator_id, caption, timed_caption, traces, voice_recording",
    "points": "image_id, mid, x, y, estimate, source, yes_votes, no_votes, unsure_votes, text_label",
    "image_labels": (
        "image_id, mid, display_name, machine_confidence, human_verdict, crowd_verdict, verdict, decided_by, "
        "is_conflict, machine_agrees, observations, box_count, is_trainable, is_boxable"
    ),
    "label_changes": (
        "image_id, mid, change, from_subset, to_subset, from_verdict, to_verdict, from_decided_by, to_decided_by, "
        "from_machine_confidence, to_machine_confidence"
    ),
}
# Columns that V7 has beyond V3.
PLAIN_COLUMNS = {
    "images": ", subset, rotation, is_boxable, has_human_labels",
    "boxes": ", extreme_points",
    "labels": "",
    "narratives": "",
    "points": "",
}
PLAIN_SUMS = {
    "images": " + sum(rotation) + count_if(is_boxable) + count_if(has_human_labels)",
    "boxes": " + sum(extreme_points[4].y::DECIMAL(18, 6)) + count(extreme_points) + count_if(is_truncated)",
    "labels": "",
    "points": " + count(text_label) + count_if(estimate = 'yes')",
    "narratives": " + sum(len(caption)) + sum(len(flatten(traces)))",
}
SUMS = {
    "labels": "sum(confidence::DECIMAL(18, 6))",
    "images": "sum(original_size)",
    "narratives": "sum(annotator_id)",
    "points": "sum(x::DECIMAL(18, 6)) + sum(y::DECIMAL(18, 6)) + sum(yes_votes) + sum(no_votes)",
    "boxes": "sum(x_min::DECIMAL(18, 6)) + sum(y_max::DECIMAL(18, 6))",
    "image_labels": (
        "sum(machine_confidence::DECIMAL(18, 6)) + sum(observations) + sum(box_count) + count_if(verdict = 'positive')"
    ),
    "label_changes": (
        "sum(to_machine_confidence::DECIMAL(18, 6)) + count_if(change = 'newly_verified') + "
        "count_if(change = 'flipped')"
    ),
}


def select_rows(work: Work, table: str, folder: Path) -> str:
    """SQL for a contender's rows; text that only we decode is left out."""
    is_ours = (folder / "warehouse").is_dir()
    if is_ours:
        chosen = [("release", "=", work.release)] if table == "image_labels" else None
        files = DeltaTable(str(folder / "warehouse" / table)).file_uris(file_pruning_predicate=chosen)
    else:
        files = [str(path) for path in (folder / table).rglob("*.parquet")]
    listed = ", ".join(f"'{file}'" for file in files)
    columns = COLUMNS[table] + (PLAIN_COLUMNS[table] if work.plain else "")
    return f"SELECT {columns} FROM read_parquet([{listed}], hive_partitioning = {str(is_ours).lower()})"


def check(work: Work, table: str, ours: Path, theirs: Path, every_row: bool) -> str:
    """A sentence about what was compared; SystemExit when the results differ."""
    connection = duckdb.connect()
    connection.execute("SET threads = 2; SET memory_limit = '8GB'")
    sums = SUMS[table] + (PLAIN_SUMS[table] if work.plain else "")
    counts = [
        connection.execute(
            f"SELECT count(*), count(DISTINCT image_id), {sums} FROM ({select_rows(work, table, folder)})"
        ).fetchone()
        for folder in (ours, theirs)
    ]
    if counts[0] != counts[1]:
        raise SystemExit(f"{table}: {ours.name} has {counts[0]}, {theirs.name} has {counts[1]}")
    if not every_row:
        return f"{table}: {counts[0][0]:,} rows, counts and sums equal to {theirs.name}'s"
    for a, b in ((ours, theirs), (theirs, ours)):
        left = connection.execute(
            f"SELECT count(*) FROM ({select_rows(work, table, a)} EXCEPT ALL {select_rows(work, table, b)})"
        ).fetchone()
        if left != (0,):
            raise SystemExit(f"{table}: {left} rows of {a.name} are not among {b.name}'s")
    return f"{table}: {counts[0][0]:,} rows, each equal to {theirs.name}'s"
