"""The files of V4 and later in a folder, each once however many releases share it, and the registry that names them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oilake.conf.registry import PublishedFigures, Release
from oilake.jobs.synthetic import (
    archives,
    evolved_classfiles,
    evolved_context,
    evolved_slices,
    evolved_truth,
    figures,
    ground_truth,
    release_rules,
)
from oilake.jobs.synthetic.archives import Spools
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.evolved_context import EvolvedContext
from oilake.jobs.synthetic.figures import Figures, FigureTally
from oilake.jobs.synthetic.plan import SamplePlan
from oilake.jobs.synthetic.sample_choice import SampleChoice
from oilake.jobs.synthetic.slices import SampleSlice


def full_scale_bytes(choice: SampleChoice) -> int:
    """About how much room the chosen files need at scale 1."""
    rules = release_rules.load_rules()
    names = {file.name for name in choice.releases for file in choice.known[name].files}
    chosen = [name for name in names & set(rules.rows) if rules.table_of(name) in choice.tables]
    sizes = rules.full_bytes
    return sum(sizes[rules.rows[name].content] for name in chosen if rules.rows[name].subset in ("train", None))


@dataclass(frozen=True)
class EvolvedJob:
    """`files`: the known files of each chosen release; `written`: those of the chosen tables, in the order of the rules."""

    world: EvolvedContext
    files: dict[str, tuple[str, ...]]
    written: tuple[str, ...]
    tells_truth: bool

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
) -> EvolvedJob | None:
    """What is to be written of the chosen releases from V4 on; None where none is chosen."""
    rules = release_rules.load_rules()
    chosen = [name for name in releases if name in rules.releases]
    if not chosen:
        return None
    rules = rules.until(max(chosen))
    world = evolved_context.make_evolved_context(seed, decided, classes, rules, published)
    files = {name: tuple(file.name for file in releases[name].files if rules.table_of(file.name)) for name in chosen}
    every = {name for names in files.values() for name in names}
    written = tuple(name for name in (*rules.rows, *rules.lists) if name in every and rules.table_of(name) in tables)
    return EvolvedJob(world, files, written, decided.scale <= ground_truth.LABELS_UP_TO)


def spool_name(name: str) -> str:
    """The spool of a file of rows."""
    return name.replace("/", "+")


def spool_headers(job: EvolvedJob) -> dict[str, bytes]:
    """The first line of every spool."""
    return {spool_name(name): job.world.rules.header_line(name) for name in job.row_files}


def begin_truth(job: EvolvedJob, folder: Path, classes: SampleClasses) -> None:
    """Removes what an earlier sample told, and begins anew."""
    for path in [*folder.glob("label_changes_v[3-9]_v*.csv"), *folder.glob("box_changes_v*.csv")]:
        path.unlink()
    if job.tells_truth:
        evolved_truth.begin_truth(folder, job.world, classes)


def append_slice(
    job: EvolvedJob, truth: Path, number: int, sample_slice: SampleSlice, opened: Spools, tally: FigureTally
) -> None:
    """Writes and counts the rows of one slice, and tells what changed in it."""
    made = evolved_slices.make_states(job.world, number, sample_slice)
    for name in job.row_files:
        archives.append_rows(opened, {spool_name(name): [evolved_slices.file_lines(job.world, made, name)]})
    every = {name for names in job.files.values() for name in names}
    rows = {name: form for name, form in job.world.rules.rows.items() if name in every}
    evolved_slices.count_files(tally, made, rows)
    if job.tells_truth:
        evolved_truth.append_truth(truth, job.world, made)


def write_files(job: EvolvedJob, out: Path, folder: Path, tally: FigureTally) -> dict[str, Figures]:
    """Moves or writes every file to its published path under `out`; the figures of each release."""
    trainable: dict[str, set[int]] = {}
    release_figures: dict[str, Figures] = {}
    for name, names in job.files.items():
        merged = figures.merge_files(tally, name, set(names))
        listed = set(np.flatnonzero(job.world.classes.listed[name]).tolist())
        positives = merged.positives[name]
        rules = job.world.rules.releases[name].classes
        trainable[name] = evolved_classfiles.trainable_classes(rules, positives, listed, job.world.plan.scale)
        release_figures[name] = figures.release_figures(merged, name, listed, trainable[name])
    for name in job.written:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        if name in job.world.rules.rows:
            os.replace(folder / spool_name(name), out / name)
        else:
            form = job.world.rules.lists[name]
            content = evolved_classfiles.list_content(
                form, job.world.classes, trainable.get(form.state, set()), job.world.rules
            )
            archives.write_plain(out / name, folder, content)
    return release_figures
