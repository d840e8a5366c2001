"""The files of V4 and later in a folder, each once however many releases share it, and the registry that names them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from oilake.conf.registry import PublishedFigures, Release
from oilake.jobs.synthetic import (
    archives,
    contradiction_planting,
    defect_injection,
    evolved_classfiles,
    evolved_context,
    evolved_drawings,
    evolved_slices,
    evolved_truth,
    figures,
    ground_truth,
    mask_images,
    plain_defects,
    planted_truth,
    release_rules,
)
from oilake.jobs.synthetic.archives import Spools
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.contradiction_planting import TRUTH_FILE, PlantedImages
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.figures import Figures, FigureTally
from oilake.jobs.synthetic.mask_images import TruthRow
from oilake.jobs.synthetic.plain_defects import PlainDefects
from oilake.jobs.synthetic.plan import SamplePlan
from oilake.jobs.synthetic.release_rules import ListFile
from oilake.jobs.synthetic.sample_choice import SampleChoice
from oilake.jobs.synthetic.slice_rows import SampleSlice


def chosen_files(choice: SampleChoice) -> set[str]:
    """The known files of the chosen releases and tables."""
    rules = release_rules.load_rules()
    names = {file.name for name in choice.releases for file in choice.registry[name].files}
    return {name for name in names if rules.table_of(name) in choice.tables}


def full_scale_bytes(choice: SampleChoice) -> int:
    """About how much room the chosen files need at scale 1."""
    rules = release_rules.load_rules()
    forms = [rules.rows[name] for name in chosen_files(choice) if name in rules.rows]
    return sum(rules.full_bytes[form.content] for form in forms if form.subset in ("train", None))


@dataclass(frozen=True)
class EvolvedJob:
    """`files`: the known files of each chosen release; `written`: those of the chosen tables, in the order of the rules;
    `mask_names`: the published paths of the zips of masks, with `{digit}` in them, by subset."""

    world: EvolvedContext
    files: dict[str, tuple[str, ...]]
    written: tuple[str, ...]
    tells_truth: bool
    mask_names: dict[str, str]

    @property
    def row_files(self) -> list[str]:
        """The files of rows among those that are written."""
        return [name for name in self.written if name in self.world.rules.rows]


def plan_files(
    seed: int,
    decided: SamplePlan,
    classes: SampleClasses,
    releases: Mapping[str, Release],
    published: Mapping[str, PublishedFigures],
    tables: Collection[str],
    defect_counts: Mapping[str, int],
) -> EvolvedJob | None:
    """What is to be written of the chosen releases from V4 on, with room for so many defects; None where none is chosen."""
    rules = release_rules.load_rules()
    chosen = [name for name in releases if name in rules.releases]
    if not chosen:
        return None
    rules = rules.until_release(max(chosen))
    world = evolved_context.make_evolved_context(seed, decided, classes, rules, published)
    files = {name: tuple(file.name for file in releases[name].files if rules.table_of(file.name)) for name in chosen}
    every = {name for names in files.values() for name in names}
    written = tuple(name for name in (*rules.rows, *rules.lists) if name in every and rules.table_of(name) in tables)
    masks = {archives.subset: archives.name for name in chosen for archives in releases[name].mask_archives}
    told = {
        name: world.file_rows(rules.rows[name]) for name in written if name in rules.rows and rules.rows[name].is_json
    }
    world = replace(world, spare=plain_defects.spare_narratives(defect_counts, told))
    return EvolvedJob(world, files, written, decided.scale <= ground_truth.LABELS_UP_TO, masks)


def spool_name(name: str) -> str:
    """The spool of a file of rows."""
    return name.replace("/", "+")


def spool_headers(job: EvolvedJob) -> dict[str, bytes]:
    """The first line of every spool."""
    return {spool_name(name): job.world.rules.header_line(name) for name in job.row_files}


def begin_truth(job: EvolvedJob | None, folder: Path, classes: SampleClasses) -> None:
    """Removes what an earlier sample told, and begins anew where later releases are written."""
    for pattern in ("label_changes_v[3-9]_v*.csv", "box_changes_v*.csv", "class_changes.csv", "masks.csv", TRUTH_FILE):
        for path in folder.glob(pattern):
            path.unlink()
    if job and job.world.plan.contradictions:
        ground_truth.write_csv(folder / TRUTH_FILE, contradiction_planting.TRUTH, [])
    if job and job.tells_truth:
        evolved_truth.begin_truth(folder, job.world, classes)


def append_slice(
    job: EvolvedJob, truth: Path, number: int, sample_slice: SampleSlice, opened: Spools, tally: FigureTally
) -> None:
    """Writes and counts the rows of one slice, and tells what changed in it."""
    slice_states = evolved_slices.make_states(job.world, number, sample_slice)
    planted = PlantedImages(job.world)
    if job.world.plan.contradictions:
        planted = contradiction_planting.plant_images(job.world, slice_states)
    for name in job.row_files:
        lines = evolved_slices.file_lines(job.world, slice_states, name)
        merged = contradiction_planting.merge_lines(lines, planted.csv_lines(job.world.rules.rows[name]))
        archives.append_rows(opened, {spool_name(name): [merged]})
    every = {name for names in job.files.values() for name in names}
    rows = {name: form for name, form in job.world.rules.rows.items() if name in every}
    evolved_slices.count_files(tally, job.world, slice_states, rows)
    planted_truth.count_planted(tally, planted, slice_states, rows)
    planted_truth.append_contradictions(truth, planted, [name for name in job.files if planted.images])
    if job.tells_truth:
        evolved_truth.append_truth(truth, job.world, slice_states)
        planted_truth.append_changes(truth, planted)


def evolved_figures(job: EvolvedJob, tally: FigureTally) -> dict[str, Figures]:
    """The figures of each release."""
    trainable = _trainable_classes(job, tally)
    return {
        name: figures.release_figures(
            figures.merge_files(tally, name, set(names)), name, _listed_classes(job, name), trainable[name]
        )
        | {
            "relationship_triplets": len(
                evolved_drawings.make_triplets(job.world, name).triplet_rows(job.world.classes.mids)
            )
        }
        for name, names in job.files.items()
    }


def _listed_classes(job: EvolvedJob, release: str) -> set[int]:
    return set(np.flatnonzero(job.world.classes.listed[release]).tolist())


def _trainable_classes(job: EvolvedJob, tally: FigureTally) -> dict[str, set[int]]:
    """Who is trainable in each release, by the positives of its train files."""
    return {
        name: evolved_classfiles.trainable_classes(
            job.world.rules.releases[name].classes,
            figures.merge_files(tally, name, set(names)).positives[name],
            _listed_classes(job, name),
            job.world.plan.scale,
        )
        for name, names in job.files.items()
    }


def write_masks(job: EvolvedJob, out: Path, folder: Path) -> list[TruthRow]:
    """The zips of the masks whose rows wait in spools, of a sample that is small enough; the truth about them."""
    forms = {name: job.world.rules.rows[name] for name in job.row_files if job.tells_truth}
    return [
        row
        for name, form in forms.items()
        if form.content == "masks" and form.subset in job.mask_names
        for row in mask_images.write_archives(
            out, folder, form.subset, job.mask_names[form.subset], folder / spool_name(name), job.world.seed
        )
    ]


def write_files(
    job: EvolvedJob, out: Path, folder: Path, tally: FigureTally, defect_counts: Mapping[str, int]
) -> list[tuple[object, ...]]:
    """Every file to its published path under `out`, with as many defects of each kind; the truth about these."""
    trainable, planted = _trainable_classes(job, tally), _plan_defects(job, folder, defect_counts)
    truth: list[tuple[object, ...]] = []
    for name in job.written:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        if name in job.world.rules.rows:
            truth += _place_rows(job, name, folder / spool_name(name), out / name, planted)
        else:
            form = job.world.rules.lists[name]
            if name in planted.odd_headers:
                form = plain_defects.turned_header(form)
                truth.append((form.state, name, name, 1, plain_defects.HEADER, "", ""))
            archives.write_plain(out / name, folder, _list_content(job, form, trainable))
    return truth


def _list_content(job: EvolvedJob, form: ListFile, trainable: Mapping[str, set[int]]) -> bytes:
    if form.content in evolved_drawings.LISTS:
        return evolved_drawings.list_text(job.world, form.content, form.state)
    listed = trainable.get(form.state, set())
    return evolved_classfiles.list_content(form, job.world.classes, listed, job.world.rules)


def _plan_defects(job: EvolvedJob, folder: Path, defect_counts: Mapping[str, int]) -> PlainDefects:
    rules, classes = job.world.rules, job.world.classes
    members = plain_defects.spooled_members(rules, {name: folder / spool_name(name) for name in job.row_files})
    lists = [name for name in job.written if name in rules.lists and rules.lists[name].has_names]
    retired = [mid for mid, listed in zip(classes.mids, classes.listed[max(rules.releases)], strict=True) if not listed]
    return plain_defects.plan_defects(job.world.seed, defect_counts, members, lists, retired)


def _place_rows(
    job: EvolvedJob, name: str, spool: Path, target: Path, planted: PlainDefects
) -> list[tuple[object, ...]]:
    """Moves a file of rows to its place, or copies it with its defects; the truth about these."""
    edits = planted.edits.get(name, [])
    if not edits:
        os.replace(spool, target)
        return []
    unfinished = spool.with_name(f"planted-{spool.name}")
    lines = defect_injection.apply_edits(spool, unfinished, edits)
    os.replace(unfinished, target)
    state = job.world.rules.rows[name].state
    return [
        defect_injection.truth_row(state, name, name, line, edit, planted.kinds[edit.kind].reason)
        for edit, line in zip(edits, lines, strict=True)
    ]
