"""Evaluates predicted boxes, masks or relationships by the metric of the Open Images challenge, without Spark."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from oilake.conf.challenge_classes import class_set_names, load_class_set
from oilake.conf.errors import ConfigError
from oilake.conf.registry import SUBSETS
from oilake.conf.settings import Settings
from oilake.jobs.evaluating import box_evaluation
from oilake.jobs.evaluating.average_precision import mean_average
from oilake.jobs.evaluating.box_evaluation import ClassEvaluation
from oilake.jobs.evaluating.evaluated_classes import EvaluatedClasses, challenge_classes, release_classes
from oilake.jobs.evaluating.evaluation_page import write_page
from oilake.jobs.evaluating.evaluation_report import ClassFigures, EvaluationReport, plain_figure
from oilake.jobs.evaluating.prediction_file import PredictionFile
from oilake.jobs.evaluating.published_truth import PublishedTruth
from oilake.jobs.runtime import entrypoint, options
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.tables.snapshots import pin_snapshots, require_snapshot
from oilake.jobs.tables.warehouse import Warehouse

BOX_METRIC = "mAP@0.5IOU"
HEAVIEST_GROUP = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--predictions", required=True, metavar="FILE", help="CSV file of detections, or its s3:// URI")
    parser.add_argument("--release", required=True, metavar="R", help="release that is the ground truth, such as v7")
    parser.add_argument("--subset", default="validation", choices=SUBSETS, help="(default: validation)")
    parser.add_argument(
        "--class-set",
        metavar="NAME",
        help=f"only the classes of a challenge, and its hierarchy, from --landing: {', '.join(class_set_names())}",
    )
    parser.add_argument(
        "--group-weight",
        type=float,
        default=HEAVIEST_GROUP,
        metavar="W",
        help="what a box around a group counts, 0 to 1 (default: 1, as in the challenge; 0: it is ignored)",
    )
    parser.add_argument("--page", metavar="FILE", help="write a page of precision and recall there")
    options.add_places(parser, "warehouse", "landing")
    parser.add_argument("--json", action="store_true", help="print the figures of all classes and of each as JSON")


def run(arguments: argparse.Namespace) -> int:
    report = evaluate(options.load_settings(arguments), arguments)
    print_text(json.dumps(report.as_json()) if arguments.json else report.as_text())
    if arguments.page:
        log_line(f"Page: {write_page(report, Path(arguments.page))}")
    return 0


def evaluate(settings: Settings, flags: argparse.Namespace) -> EvaluationReport:
    """Hold a file of predictions against one subset of a published release; ConfigError, InputError or StoreError."""
    if not 0 <= flags.group_weight <= HEAVIEST_GROUP:
        raise ConfigError(f"--group-weight must be from 0 to 1, not {flags.group_weight}")
    predictions = PredictionFile(settings.storage_uri(flags.predictions))
    warehouse = pin_snapshots(Warehouse.of(settings))
    truth = PublishedTruth(warehouse, require_snapshot(warehouse, flags.release), flags.subset)
    classes = _evaluated_classes(settings, flags.class_set, truth)
    evaluation = box_evaluation.evaluate_boxes(predictions, truth, classes, flags.group_weight)
    return EvaluationReport(
        f"boxes of {flags.class_set or 'all boxable classes'}, group-of weight {flags.group_weight:g},",
        flags.predictions,
        truth.pin.release,
        truth.pin.number,
        truth.subset,
        {BOX_METRIC: plain_figure(mean_average(evaluation.averages))},
        class_figures(evaluation, classes),
        evaluation.fates,
    )


def class_figures(evaluation: ClassEvaluation, classes: EvaluatedClasses) -> list[ClassFigures]:
    """Return the figures of every class, in the order of the MIDs."""
    return [
        ClassFigures(
            str(classes.vocabulary.mids[n]), classes.names[n], plain_figure(curve.average), curve.truths,
            int(evaluation.counted[n]), int(evaluation.right[n]), curve,
        )
        for n, curve in enumerate(evaluation.curves)
    ]  # fmt: skip


def _evaluated_classes(settings: Settings, class_set: str | None, truth: PublishedTruth) -> EvaluatedClasses:
    if class_set is None:
        return release_classes(truth.warehouse, truth.pin)
    return challenge_classes(settings, load_class_set(class_set), "boxes")


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("evaluate", __doc__, add_arguments, run))
