"""Reads the files that only say which images stand in a list, before the images themselves are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyspark.sql import SparkSession

from oilake.conf.chosen_files import member_subsets
from oilake.conf.settings import Limits
from oilake.jobs.ingesting import chunk_reports, landing_area, listed_images
from oilake.jobs.ingesting.chunk_kernel import ChunkReport, IngestContext
from oilake.jobs.ingesting.ingest_plan import IngestPlan
from oilake.jobs.ingesting.list_kernel import read_list_split
from oilake.jobs.ingesting.listed_images import StagedList
from oilake.jobs.ingesting.release_files import MemberKey


def read_lists(
    spark: SparkSession, plan: IngestPlan, context: IngestContext, limits: Limits
) -> tuple[list[ChunkReport], list[StagedList]]:
    """(A report a chunk of the lists, the staged IDs of each member)."""
    splits = landing_area.plan_splits(plan.list_files(), plan.members, limits)
    what = f"{plan.release.release}: reading lists of images"
    reports = chunk_reports.collect_reports(spark, splits, context, what, read_list_split)
    _, reports = chunk_reports.reread_unsound(spark, splits, context, reports, read_list_split)
    lists: list[StagedList] = []
    for landed_file in plan.list_files():
        for path, expected in plan.members[landed_file.file.name].items():
            own = [r for r in reports if (r.file, r.member) == (landed_file.file.name, path)]
            subsets = member_subsets(plan.release, expected)
            ids = [report.ids for report in own]
            lists.append(
                listed_images.stage_list(context.warehouse, context.run_id, len(lists), expected, subsets, ids)
            )
    for report in reports:
        report.ids = np.empty(0, np.uint64)
    return reports, lists


def count_unmatched(lists: Sequence[StagedList], reports: Sequence[ChunkReport]) -> dict[MemberKey, int]:
    """The images of each list that no row of `images` has, by file and member."""
    return {
        image_list.member: image_list.images - sum(report.listed[image_list.member] for report in reports)
        for image_list in lists
    }
