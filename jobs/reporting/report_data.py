"""What the report of a run shows, as the jobs of the run give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from oilake.jobs.downloading.summary import DownloadSummary
from oilake.jobs.ingesting.summary import Summary
from oilake.jobs.masking.outcome import MaskVerification
from oilake.jobs.runtime.figure_tables import FigureTable
from oilake.jobs.verifying.summary import Verification


@dataclass(frozen=True)
class ReleaseReport:
    """What there is to say of one release. `label_counts`: subset -> pairs of image and class, those of each verdict, and
    conflicts; `contradictions`: kind -> subset -> how many, of the subsets where it is judged; `not_judged`: sentences about
    the others; `leakage`: a sentence about photos under several IDs."""

    summary: Summary
    label_counts: Mapping[str, Mapping[str, int]]
    contradictions: Mapping[str, Mapping[str, int]]
    not_judged: Sequence[str]
    leakage: str
    figure_tables: Sequence[FigureTable]


@dataclass(frozen=True)
class ReleaseChanges:
    """What changed between two releases. `counts`: kind of rows -> what happened to them -> rows."""

    from_release: str
    to_release: str
    counts: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True)
class RunReport:
    """All that a run did: its releases, how neighbours differ, the download and checks of image bytes and of masks."""

    releases: Sequence[ReleaseReport]
    changes: Sequence[ReleaseChanges]
    download: DownloadSummary | None
    verifications: Sequence[Verification]
    masks: Sequence[MaskVerification] = ()
