"""A whole sample in a folder: archives, registry and truth, from the plan to the last rename."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oilake.conf.registry import ExpectedMember, File, Release, expected_members
from oilake.jobs.runtime.progress import log_line, track_progress
from oilake.jobs.synthetic import (
    archives,
    classes,
    classfiles,
    context,
    defect_injection,
    evolved_writing,
    figures,
    ground_truth,
    photos,
    plan,
    sample_registry,
    slices,
)
from oilake.jobs.synthetic.archives import Content
from oilake.jobs.synthetic.classes import SampleClasses
from oilake.jobs.synthetic.defect_injection import Edit
from oilake.jobs.synthetic.defects import KINDS
from oilake.jobs.synthetic.evolved_writing import EvolvedJob
from oilake.jobs.synthetic.figures import Figures, FigureTally
from oilake.jobs.synthetic.sample_choice import SampleChoice

PLANTED = "v3"
REGISTRY, TRUTH = "registry", "truth"


@dataclass(frozen=True)
class SampleJob:
    """One sample in the making: `out` receives what is whole, `folder` holds what is not.

    `releases`: those of V1 to V3 that are written, of `tables` alone; `evolved`: what is written of later ones, if any.
    """

    out: Path
    folder: Path
    seed: int
    releases: Mapping[str, Release]
    tables: Collection[str]
    classes: SampleClasses
    evolved: EvolvedJob | None


def write_sample(
    out: Path, folder: Path, choice: SampleChoice, decided: plan.SamplePlan, seed: int, wanted: Mapping[str, int]
) -> dict[str, Figures]:
    """Writes the sample into `out`, using `folder` beside it for unfinished files; every release's figures."""
    chosen = {name: release for name, release in choice.known.items() if name in choice.releases}
    first = {name: release for name, release in chosen.items() if name in classes.RELEASES}
    published = {name: release.published for name, release in choice.known.items()}
    sample_classes = classes.make_classes(seed, decided.classes)
    evolved = evolved_writing.plan_files(seed, decided, sample_classes, chosen, published, choice.tables)
    job = SampleJob(out, folder, seed, first, choice.tables, sample_classes, evolved)
    for name in (*(release.tag for release in first.values()), REGISTRY, TRUTH):
        (out / name).mkdir(parents=True, exist_ok=True)
    tally = _write_rows(job, decided)
    edits = defect_injection.plan_edits(seed, wanted, _planted_members(job)) if wanted else {}
    lines: dict[str, list[int]] = {}
    files = [(release, file) for release in first.values() for file in release.files if _table_of(file) in job.tables]
    for release, file in track_progress(files, len(files), "archives written", "files"):
        _write_file(job, release, file, edits if release.release == PLANTED else {}, lines)
    _write_defects(job, edits, lines)
    figures_by_release = {name: figures.first_figures(tally, job.classes, name) for name in first}
    if evolved:
        figures_by_release |= evolved_writing.write_files(evolved, out, folder, tally)
    sample_registry.write_registry(out / REGISTRY, folder, chosen, figures_by_release)
    return figures_by_release


def _table_of(file: File) -> str:
    return file.members[0].table


def _write_rows(job: SampleJob, decided: plan.SamplePlan) -> FigureTally:
    """Every slice's rows into the spools, and into the truth what changed; what was written, counted."""
    headers = {
        archives.spool_name(release, each): archives.header_line(release, each)
        for release in job.releases.values()
        for each in _row_members(release)
        if each.member.table in job.tables
    }
    tally = FigureTally()
    shared = context.make_context(job.seed, decided, job.classes, frozenset(headers))
    _begin_truth(job, decided)
    if job.evolved:
        headers |= evolved_writing.spool_headers(job.evolved)
    log_line(f"making {decided.subsets['train'].images:,} train images and all that belongs to them")
    with archives.open_spools(job.folder, headers) as opened:
        for number in track_progress(range(decided.slices), decided.slices, "image ID ranges made", "ranges"):
            sample_slice = slices.make_slice(shared, number)
            archives.append_rows(opened, sample_slice.texts)
            tally.add(sample_slice.tally)
            _tell_truth(job, decided, sample_slice)
            if job.evolved:
                evolved_writing.append_slice(job.evolved, job.out / TRUTH, number, sample_slice, opened, tally)
            if number == 0:
                _write_photos(job, sample_slice)
    return tally


def _begin_truth(job: SampleJob, decided: plan.SamplePlan) -> None:
    folder = job.out / TRUTH
    ground_truth.write_csv(folder / "classes.csv", ground_truth.CLASSES, ground_truth.class_rows(job.classes))
    ground_truth.write_csv(folder / "image_changes_v1_v2.csv", ground_truth.IMAGES, [])
    (folder / "label_changes_v2_v3.csv").unlink(missing_ok=True)
    if decided.scale <= ground_truth.LABELS_UP_TO:
        ground_truth.write_csv(folder / "label_changes_v2_v3.csv", ground_truth.LABELS, [])
    if job.evolved:
        evolved_writing.begin_truth(job.evolved, folder, job.classes)


def _tell_truth(job: SampleJob, decided: plan.SamplePlan, sample_slice: slices.SampleSlice) -> None:
    folder = job.out / TRUTH
    ground_truth.append_csv(folder / "image_changes_v1_v2.csv", ground_truth.image_rows(sample_slice))
    if decided.scale <= ground_truth.LABELS_UP_TO:
        ground_truth.append_csv(folder / "label_changes_v2_v3.csv", ground_truth.label_rows(sample_slice, job.classes))


def _write_photos(job: SampleJob, sample_slice: slices.SampleSlice) -> None:
    photos.clear_earlier(job.out)
    rows: list[tuple[object, ...]] = []
    for subset in plan.SUBSETS:
        part = sample_slice.parts[subset]
        rows += photos.write_photos(job.out, subset, part.photos, part.details[: len(part.photos)].to_pylist())
    photos.write_list(job.out, rows)
    ground_truth.write_csv(job.out / TRUTH / "photos.csv", photos.TRUTH, rows)


def _row_members(release: Release) -> list[ExpectedMember]:
    return [each for file in release.files for each in expected_members(release, file) if each.member.format == "csv"]


def _planted_members(job: SampleJob) -> list[defect_injection.SpooledMember]:
    if PLANTED not in job.releases:
        return []
    release = job.releases[PLANTED]
    spooled = []
    for each in (member for member in _row_members(release) if member.member.table in job.tables):
        spool = archives.spool_name(release, each)
        table = spool.split("-")[0]
        spooled.append(
            defect_injection.SpooledMember(each.file.name, each.path, table, each.subset or "", job.folder / spool)
        )
    return spooled


def _write_file(
    job: SampleJob, release: Release, file: File, edits: Mapping[str, list[Edit]], lines: dict[str, list[int]]
) -> None:
    """One published file; `lines` learns where the planted records of each member start."""
    members: list[tuple[str, Content]] = []
    for each in expected_members(release, file):
        if each.member.format != "csv":
            members.append((each.path, classfiles.member_content(job.seed, release, each, job.classes)))
            continue
        content = job.folder / archives.spool_name(release, each)
        if edits.get(each.path):
            planted = job.folder / f"planted-{content.name}"
            lines[each.path] = defect_injection.apply_edits(content, planted, edits[each.path])
            content = planted
        members.append((each.path, content))
    target = job.out / release.tag / file.name
    if file.kind == "plain":
        archives.write_plain(target, job.folder, members[0][1])
    else:
        archives.write_tar_gz(target, job.folder, members, release.date)
    _delete_planted(content for _, content in members)


def _delete_planted(contents: Iterable[Content]) -> None:
    """Planted copies have no second use, and much room is at stake."""
    for content in contents:
        if isinstance(content, Path) and content.name.startswith("planted-"):
            content.unlink()


def _write_defects(job: SampleJob, edits: Mapping[str, list[Edit]], lines: Mapping[str, list[int]]) -> None:
    archive = {member.path: member.archive for member in _planted_members(job)}
    rows: list[tuple[Any, ...]] = []
    for path, member_edits in edits.items():
        for edit, line in zip(member_edits, lines.get(path, []), strict=True):
            raw = "" if edit.kind == "field_too_long" else edit.record.hex()
            rows.append((PLANTED, archive[path], path, line, edit.kind, KINDS[edit.kind].reason, raw))
    ground_truth.write_csv(job.out / TRUTH / "defects.csv", ground_truth.DEFECTS, itertools.chain(rows))
