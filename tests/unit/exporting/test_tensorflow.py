"""TensorFlow reads our records back: every key of every image, and the pictures."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.consumers import consumer_python
from tests.support.export_lake import KEPT_BOXES, images
from tests.unit.exporting.conftest import Export
from tests.unit.exporting.test_tfrecord import example, messages

pytestmark = pytest.mark.consumers
REQUIREMENT = "tensorflow-cpu==2.21.0"
READ = """
import json, sys
import tensorflow as tf
texts = ["image/source_id", "image/filename", "image/object/class/text", "image/class/text"]
numbers = ["image/object/class/label", "image/class/label"]
numbers += ["image/object/" + name for name in ("occluded", "truncated", "group_of", "depiction", "inside")]
floats = ["image/object/bbox/" + edge for edge in ("xmin", "xmax", "ymin", "ymax")] + ["image/class/confidence"]
kinds = {tf.string: texts, tf.int64: numbers, tf.float32: floats}
keys = {key: tf.io.VarLenFeature(kind) for kind, names in kinds.items() for key in names}
keys["image/encoded"] = tf.io.FixedLenFeature([], tf.string)
for path in sys.argv[1:]:
    for record in tf.data.TFRecordDataset(path):
        read = tf.io.parse_single_example(record, keys)
        picture = tf.io.decode_jpeg(read.pop("image/encoded"))
        row = {key: tf.sparse.to_dense(value).numpy().tolist() for key, value in read.items()}
        row |= {key: [value.decode() for value in row[key]] for key in texts}
        print(json.dumps(row | {"shape": picture.shape.as_list()}))
"""


def read_by_tensorflow(*paths: Path) -> list[dict[str, Any]]:
    call = [consumer_python("tensorflow", REQUIREMENT), "-c", READ, *map(str, paths)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_tensorflow_reads_every_key(export: Export, out: Path, blobs: Path) -> None:
    export("tfrecord", "--blobs", str(blobs))
    paths = [out / f"{subset}-00000.tfrecord" for subset in ("train", "validation")]
    rows = read_by_tensorflow(*paths)
    assert [row.pop("shape") for row in rows] == [[6, 8, 3]] * len(images())
    assert sum(len(row["image/object/class/text"]) for row in rows) == len(KEPT_BOXES)
    for row, message in zip(rows, (message for path in paths for message in messages(path)), strict=True):
        ours = example(message)
        texts = {
            key: [value.decode() for value in ours[key]]
            for key in ours
            if key.endswith(("text", "source_id", "filename"))
        }
        assert row == {key: (ours | texts)[key] for key in row}
        assert {*ours} - {*row} == {"image/encoded", "image/format"}
