"""usage: PYTHON bench/reference_peer.py boxes|relationships FOLDER WEIGHT; prints its costs and figures as JSON

The reference code (tensorflow-object-detection-api 0.1.1) over the CSV files of a folder: it expands them by its hierarchy.
Boxes are handed to its evaluator as arrays, which its own tool makes image by image through pandas, at several times the
cost; relationships as its own tool does. Runs in an environment of its own, of pandas and that package, and so imports
nothing of ours. The package is of Python 2: what Python and pandas lost since is written anew as it is loaded, and two names
are there again. TensorFlow and protobuf, which the evaluators import and do not use, are empty modules. Imports are not
counted.
"""

from __future__ import annotations

import builtins
import importlib.util
import json
import resource
import sys
import time
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

Evaluate = Callable[[Path], dict[str, Any]]
PACKAGE = "object_detection"
UNUSED = ("tensorflow", "google", "google.protobuf", f"{PACKAGE}.protos.string_int_label_map_pb2")
LOST = {
    ".iteritems()": ".items()",
    ".as_matrix()": ".to_numpy()",
    ".fields.keys()[0]": ".names[0]",
    "(self._average_precisions.values())": "([*self._average_precisions.values()])",
}


def main() -> None:
    kind, folder, weight = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    evaluate = prepare_boxes(weight) if kind == "boxes" else prepare_relationships()
    started, spent = time.monotonic(), time.process_time()
    results = evaluate(folder)
    seconds, cpu = time.monotonic() - started, time.process_time() - spent
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    print(json.dumps({"seconds": seconds, "cpu": cpu, "memory": memory, **results}))


def prepare_boxes(weight: float) -> Evaluate:
    """What evaluates the boxes of a folder; a group counts `weight`."""
    expansion = load_module("dataset_tools.oid_hierarchical_labels_expansion")
    evaluation = load_module("utils.object_detection_evaluation")
    truth, claim = (getattr(evaluation.standard_fields, name) for name in ("InputDataFields", "DetectionResultFields"))

    def evaluate(folder: Path) -> dict[str, Any]:
        tree = expansion.OIDHierarchicalLabelsExpansion(json.loads((folder / "hierarchy.json").read_text()))
        for name, expand in (("boxes", tree.expand_boxes_from_csv), ("labels", tree.expand_labels_from_csv)):
            with (folder / f"{name}.csv").open() as source, (folder / f"expanded_{name}.csv").open("w") as target:
                target.write(next(source))
                for line in source:
                    target.writelines(expand(line))
        names = (folder / "classes.txt").read_text().split()
        judge = evaluation.OpenImagesDetectionChallengeEvaluator(
            [{"id": n + 1, "name": name} for n, name in enumerate(names)], group_of_weight=weight
        )
        boxes, labels, claims = (
            image_rows(folder / f"{name}.csv", names) for name in ("expanded_boxes", "expanded_labels", "predictions")
        )
        nothing = {"edges": np.empty((0, 4)), "codes": np.empty(0, int), "IsGroupOf": np.empty(0, int)}
        for image in sorted({*boxes, *labels}):
            marks = boxes.get(image, nothing)
            marked = {truth.groundtruth_boxes: marks["edges"], truth.groundtruth_classes: marks["codes"]}
            marked |= {truth.groundtruth_group_of: marks["IsGroupOf"]}
            marked |= {truth.groundtruth_image_classes: labels.get(image, nothing)["codes"]}
            judge.add_single_ground_truth_image_info(image, marked)
        for image, rows in claims.items():
            said = {claim.detection_boxes: rows["edges"], claim.detection_classes: rows["codes"]}
            judge.add_single_detected_image_info(image, said | {claim.detection_scores: rows["Score"]})
        figures = judge._evaluation.evaluate()
        averages = dict(zip(names, figures.average_precisions.tolist(), strict=True))
        return {
            "figures": {"mAP@0.5IOU": float(figures.mean_ap)},
            "averages": {name: average for name, average in averages.items() if not np.isnan(average)},
        }

    return evaluate


def image_rows(path: Path, names: list[str]) -> dict[str, dict[str, Any]]:
    """The rows of a file by image, as arrays: `edges` (n, 4), `codes` from 1, and the columns that it has beside them."""
    rows = pd.read_csv(path, dtype={"ImageID": str}).sort_values("ImageID", kind="stable")
    columns = {"codes": rows["LabelName"].map({name: n + 1 for n, name in enumerate(names)}).to_numpy()}
    if "XMin" in rows:
        columns["edges"] = rows[["YMin", "XMin", "YMax", "XMax"]].to_numpy()
    columns |= {name: rows[name].to_numpy() for name in ("Score", "IsGroupOf") if name in rows}
    images, starts = np.unique(rows["ImageID"].to_numpy(str), return_index=True)
    ends = [*starts[1:].tolist(), len(rows)]
    return {
        image: {name: column[start:end] for name, column in columns.items()}
        for image, start, end in zip(images.tolist(), starts.tolist(), ends, strict=True)
    }


def prepare_relationships() -> Evaluate:
    """What evaluates the relationships of a folder."""
    load_module("utils.object_detection_evaluation")
    evaluation = load_module("utils.vrd_evaluation")
    utils = load_module("metrics.oid_vrd_challenge_evaluation_utils")

    def evaluate(folder: Path) -> dict[str, Any]:
        numbers = {name: n + 1 for n, name in enumerate((folder / "classes.txt").read_text().split())}
        claims = pd.read_csv(folder / "predictions.csv", dtype={"ImageID": str})
        truths = list(truth_rows(folder, "relationships", "labels"))
        types_of = {name: n + 1 for n, name in enumerate(sorted({*claims["RelationshipLabel"]}))}
        figures = {}
        for judge in (evaluation.VRDRelationDetectionEvaluator(), evaluation.VRDPhraseDetectionEvaluator()):
            for image, rows in truths:
                truth = utils.build_groundtruth_vrd_dictionary(rows, numbers, types_of)
                judge.add_single_ground_truth_image_info(image, truth)
            for image, rows in claims.groupby("ImageID"):
                claim = utils.build_predictions_vrd_dictionary(rows, numbers, types_of)
                judge.add_single_detected_image_info(image, claim)
            figures |= judge.evaluate()
        return {"figures": {name: float(value) for name, value in figures.items()}, "averages": {}}

    return evaluate


def truth_rows(folder: Path, marks: str, labels: str) -> Iterable[Any]:
    """The marks and labels of each image, as the reference's tools put them together."""
    said = pd.read_csv(folder / f"{labels}.csv", dtype={"ImageID": str}).rename(
        columns={"Confidence": "ConfidenceImageLabel"}
    )
    return pd.concat([pd.read_csv(folder / f"{marks}.csv", dtype={"ImageID": str}), said]).groupby("ImageID")


def load_module(name: str) -> Any:
    """A module of the package, with the words that were lost."""
    for unused in UNUSED:
        sys.modules.setdefault(unused, types.ModuleType(unused))
    sys.modules["google.protobuf"].text_format = None
    np.float, builtins.unicode = float, str
    full = f"{PACKAGE}.{name}"
    spec = importlib.util.find_spec(full)
    text = Path(spec.origin).read_text()
    for old, new in LOST.items():
        text = text.replace(old, new)
    module = types.ModuleType(full)
    sys.modules[full] = module
    parent, _, leaf = full.rpartition(".")
    setattr(sys.modules[parent], leaf, module)
    exec(compile(text, spec.origin, "exec"), module.__dict__)
    return module


if __name__ == "__main__":
    main()
