"""A whole sample in a folder: archives, plain files, registry and truth, from the plan to the last rename."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from oilake.conf.registry import SUBSETS
from oilake.jobs.runtime.progress import log_line, track_progress
from oilake.jobs.synthetic import (
    archive_writing,
    archives,
    classes,
    context,
    evolved_writing,
    figures,
    ground_truth,
    mask_images,
    photos,
    plan,
    sample_registry,
    slices,
)
from oilake.jobs.synthetic.archive_writing import ArchiveJob
from oilake.jobs.synthetic.defects import KINDS
from oilake.jobs.synthetic.evolved_writing import EvolvedJob
from oilake.jobs.synthetic.figures import Figures, FigureTally
from oilake.jobs.synthetic.release_rules import ARCHIVES
from oilake.jobs.synthetic.sample_choice import SampleChoice
from oilake.jobs.synthetic.slice_rows import SampleSlice

REGISTRY, TRUTH = "registry", "truth"


@dataclass(frozen=True)
class SampleJob:
    """One sample in the making: V1 to V3, and what is written of later releases, if anything is."""

    archives: ArchiveJob
    evolved: EvolvedJob | None
    plan: plan.SamplePlan

    @property
    def truth_folder(self) -> Path:
        """The folder of what is true of the sample."""
        return self.archives.out / TRUTH


def write_sample(
    out: Path, folder: Path, choice: SampleChoice, decided: plan.SamplePlan, seed: int, defect_counts: Mapping[str, int]
) -> dict[str, Figures]:
    """Writes the sample into `out`, using `folder` beside it for unfinished files; every release's figures."""
    chosen = {name: release for name, release in choice.registry.items() if name in choice.releases}
    first = {name: release for name, release in chosen.items() if name in ARCHIVES}
    published = {name: release.published for name, release in choice.registry.items()}
    sample_classes = classes.make_classes(seed, decided.classes)
    evolved = evolved_writing.plan_files(seed, decided, sample_classes, chosen, published, choice.tables, defect_counts)
    job = SampleJob(ArchiveJob(out, folder, seed, first, choice.tables, sample_classes), evolved, decided)
    for name in (*(release.tag for release in first.values()), REGISTRY, TRUTH):
        (out / name).mkdir(parents=True, exist_ok=True)
    tally = _write_rows(job)
    planted = {kind: count for kind, count in defect_counts.items() if kind in KINDS}
    defects = archive_writing.write_archives(job.archives, planted)
    figures_by_release = {name: figures.first_figures(tally, sample_classes, name) for name in first}
    if evolved:
        if masks := evolved_writing.write_masks(evolved, out, folder):
            ground_truth.write_csv(job.truth_folder / "masks.csv", mask_images.TRUTH, masks)
        defects += evolved_writing.write_files(evolved, out, folder, tally, defect_counts)
        figures_by_release |= evolved_writing.evolved_figures(evolved, tally)
    ground_truth.write_csv(job.truth_folder / "defects.csv", ground_truth.DEFECTS, defects)
    sample_registry.write_registry(out / REGISTRY, folder, chosen, figures_by_release, decided.scale)
    return figures_by_release


def _write_rows(job: SampleJob) -> FigureTally:
    """Every slice's rows into the spools, and into the truth what changed; what was written, counted."""
    headers = archive_writing.spool_headers(job.archives)
    tally = FigureTally()
    shared = context.make_context(job.archives.seed, job.plan, job.archives.classes, frozenset(headers))
    _begin_truth(job)
    if job.evolved:
        headers |= evolved_writing.spool_headers(job.evolved)
    log_line(f"making {job.plan.subsets['train'].images:,} train images and all that belongs to them")
    with archives.open_spools(job.archives.folder, headers) as opened:
        for number in track_progress(range(job.plan.slices), job.plan.slices, "image ID ranges made", "ranges"):
            sample_slice = slices.make_slice(shared, number)
            archives.append_rows(opened, sample_slice.texts)
            tally.add(sample_slice.tally)
            _tell_truth(job, sample_slice)
            if job.evolved:
                evolved_writing.append_slice(job.evolved, job.truth_folder, number, sample_slice, opened, tally)
            if number == 0:
                _write_photos(job, sample_slice)
    return tally


def _begin_truth(job: SampleJob) -> None:
    folder, sample_classes = job.truth_folder, job.archives.classes
    ground_truth.write_csv(folder / "classes.csv", ground_truth.CLASSES, ground_truth.class_rows(sample_classes))
    ground_truth.write_csv(folder / ground_truth.IMAGE_CHANGES, ground_truth.IMAGES, [])
    (folder / ground_truth.LABEL_CHANGES).unlink(missing_ok=True)
    if job.plan.scale <= ground_truth.LABELS_UP_TO:
        ground_truth.write_csv(folder / ground_truth.LABEL_CHANGES, ground_truth.LABELS, [])
    evolved_writing.begin_truth(job.evolved, folder, sample_classes)


def _tell_truth(job: SampleJob, sample_slice: SampleSlice) -> None:
    ground_truth.append_csv(job.truth_folder / ground_truth.IMAGE_CHANGES, ground_truth.image_rows(sample_slice))
    if job.plan.scale <= ground_truth.LABELS_UP_TO:
        rows = ground_truth.label_rows(sample_slice, job.archives.classes)
        ground_truth.append_csv(job.truth_folder / ground_truth.LABEL_CHANGES, rows)


def _write_photos(job: SampleJob, sample_slice: SampleSlice) -> None:
    out = job.archives.out
    photos.clear_earlier(out)
    rows: list[tuple[object, ...]] = []
    for subset in SUBSETS:
        part = sample_slice.parts[subset]
        rows += photos.write_photos(out, subset, part.photos, part.details[: len(part.photos)].to_pylist())
    photos.write_list(out, rows)
    ground_truth.write_csv(job.truth_folder / "photos.csv", photos.TRUTH, rows)
