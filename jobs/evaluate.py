"""Evaluates predicted boxes, masks or relationships by the metric of the Open Images challenge, without Spark."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from oilake.conf.challenge_classes import class_set_names
from oilake.conf.registry import SUBSETS
from oilake.jobs.evaluating.evaluation_job import EvaluationRequest, evaluate_predictions
from oilake.jobs.evaluating.evaluation_page import evaluation_page
from oilake.jobs.reporting.html import write_page
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--predictions", required=True, metavar="FILE", help="CSV file of detections, or its s3:// URI")
    options.add_release(parser, "release that is the ground truth, such as v7", required=True)
    parser.add_argument("--subset", default="validation", choices=SUBSETS, help="(default: validation)")
    parser.add_argument(
        "--class-set",
        metavar="NAME",
        help=f"only the classes of a challenge, and its hierarchy, from --landing: {', '.join(class_set_names())}",
    )
    parser.add_argument(
        "--group-weight",
        type=float,
        metavar="W",
        help="what a group counts, 0 to 1 (default, as in the challenge: boxes 1, masks 0)",
    )
    parser.add_argument(
        "--sum-weights",
        type=float,
        nargs=3,
        metavar="W",
        help="of relationships: the sum of mAP, recall@50 and mAP of phrases by these weights too, such as 0.4 0.2 0.4",
    )
    parser.add_argument("--page", metavar="FILE", help="write a page of precision and recall there")
    options.add_places(parser, "warehouse", "landing", "registry")
    parser.add_argument("--json", action="store_true", help="print the figures of all classes and of each as JSON")


def run(arguments: argparse.Namespace) -> int:
    request = EvaluationRequest(
        arguments.predictions, arguments.release, arguments.subset, arguments.class_set, arguments.group_weight,
        arguments.sum_weights or (),
    )  # fmt: skip
    report = evaluate_predictions(options.load_settings(arguments), request)
    if arguments.page:
        log_line(f"Page: {write_page(evaluation_page(report), Path(arguments.page), 'page', '--page')}")
    print_text(json.dumps(report.as_json()) if arguments.json else report.as_text())
    return 0


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("evaluate", __doc__, add_arguments, run))
