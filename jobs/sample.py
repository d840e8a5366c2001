"""Writes synthetic releases, V1 to V7, in the published names, layouts and quirks, at any scale up to the real one."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from oilake.conf.errors import ConfigError, StoreError
from oilake.jobs.runtime.invocation import job_program
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.synthetic import (
    archive_writing,
    defect_injection,
    evolved_writing,
    plain_defects,
    plan,
    release_rules,
    writing,
)
from oilake.jobs.synthetic.defects import KINDS
from oilake.jobs.synthetic.sample_choice import TABLES, SampleChoice
from oilake.schemas.release_registry import load_releases

DEFAULT_SCALE = 0.0005
ALL_KINDS = (*KINDS, *plain_defects.NAMES)
# Bytes on disk at scale 1: rows that wait for their archive, and the archives.
FULL_SCALE_BYTES = 20 << 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The job's own arguments."""
    parser.add_argument("--out", required=True, metavar="DIR", help="folder for <tag>/<archive>, registry/ and truth/")
    parser.add_argument(
        "--releases",
        type=str.lower,
        metavar="NAMES",
        help="only these releases, such as v1,v7 (all); files that several share stand once",
    )
    parser.add_argument(
        "--tables", metavar="NAMES", help=f"only files of these tables, such as labels,boxes ({', '.join(TABLES)})"
    )
    parser.add_argument(
        "--scale",
        type=float,
        default=DEFAULT_SCALE,
        metavar="F",
        help=f"share of the real size, up to 1 ({DEFAULT_SCALE})",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="another seed gives other rows (0)")
    parser.add_argument(
        "--plant", action="append", default=[], metavar="KIND=N",
        help=f"plant N defects of a kind, of `all` in V3's and later files (repeatable): all, "
        f"{', '.join(ALL_KINDS)}",
    )  # fmt: skip
    parser.add_argument(
        "--contradictions",
        action="store_true",
        help="also contradict yourself as the publisher does: classes without a name, box classes and labels without a box; "
        "and, from V5 on, in each way that `oilake contradictions` knows",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Writes the sample and prints what it holds; 0."""
    started = time.monotonic()
    if arguments.seed < 0:
        raise ConfigError(f"--seed {arguments.seed}: give a whole number from 0")
    out = Path(arguments.out)
    makeable = {*release_rules.ARCHIVES, *release_rules.load_rules().releases}
    registry = {name: release for name, release in load_releases().items() if name in makeable}
    choice = SampleChoice(
        registry,
        _chosen_names("--releases", arguments.releases, list(registry)),
        _chosen_names("--tables", arguments.tables, TABLES),
    )
    available = [
        *archive_writing.available_kinds(choice),
        *plain_defects.available_kinds(evolved_writing.chosen_files(choice)),
    ]
    defect_counts = defect_injection.parse_defect_counts(arguments.plant, ALL_KINDS, available)
    figures = _write_sample(out, choice, arguments.scale, arguments.seed, defect_counts, arguments.contradictions)
    summary = {
        "out": str(out),
        "scale": arguments.scale,
        "seed": arguments.seed,
        "seconds": round(time.monotonic() - started, 1),
        "releases": figures,
        "planted": defect_counts,
    }
    print_text(json.dumps(summary, indent=2) if arguments.json else _summary_text(summary))
    return 0


def _chosen_names(flag: str, text: str | None, available: Sequence[str]) -> tuple[str, ...]:
    """The names of `text` in the order of `available`, all without one; ConfigError names one that is none of them."""
    names = available if text is None else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in available:
            raise ConfigError(
                f"{flag} {text}: {name!r} is not known; give names of {', '.join(available)}, with commas"
            )
    return tuple(name for name in available if name in names)


def _write_sample(
    out: Path, choice: SampleChoice, scale: float, seed: int, defect_counts: dict[str, int], contradictions: bool
) -> dict[str, dict[str, Any]]:
    plan.refuse_bad_scale(scale)
    published = {name: release.published for name, release in choice.registry.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        _check_room(out, choice, scale)
        with tempfile.TemporaryDirectory(prefix=".sample-", dir=out) as folder:
            decided = plan.make_plan(published, scale, contradictions)
            return writing.write_sample(out, Path(folder), choice, decided, seed, defect_counts)
    except OSError as error:
        raise StoreError(
            f"{error.filename or out}: {error.strerror or error}; give --out a folder that can be written and has room"
        ) from None


def _check_room(out: Path, choice: SampleChoice, scale: float) -> None:
    first = FULL_SCALE_BYTES if set(choice.releases) & set(release_rules.ARCHIVES) else 0
    free, needed = shutil.disk_usage(out).free, int(scale * (first + evolved_writing.full_scale_bytes(choice)))
    if free < needed:
        raise StoreError(
            f"{out}: {free / 2**30:.1f} GiB are free, --scale {scale:g} needs about {needed / 2**30:.1f} GiB; "
            "give a smaller --scale, fewer --releases or --tables, or another --out"
        )


def _summary_text(summary: dict[str, Any]) -> str:
    """A few lines for a person; the last says what to run next."""
    lines = [f"{summary['out']}: scale {summary['scale']:g}, seed {summary['seed']}, {summary['seconds']} s"]
    for release, figures in summary["releases"].items():
        counted = {name: sum(value.values()) if isinstance(value, dict) else value for name, value in figures.items()}
        rows = ("images", "machine_labels", "human_labels_positive", "human_labels_negative", "boxes", "classes")
        lines.append(f"{release}: " + ", ".join(f"{counted[n]:,} {n.replace('_', ' ')}" for n in rows if n in counted))
    if summary["planted"]:
        lines.append(f"planted: {sum(summary['planted'].values()):,} rows, told in {summary['out']}/truth/defects.csv")
    shown = release_rules.AFTER if release_rules.AFTER in summary["releases"] else list(summary["releases"])[-1]
    lines.append(
        f"next: {job_program('ingest')} --release {shown} --landing {summary['out']} --registry {summary['out']}/registry"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("sample", __doc__, add_arguments, run))
