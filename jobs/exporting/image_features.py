"""What TFRecords hold of images but for their pictures, as encoded features: each value of a column is written once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.exporting.class_codes import PLACE, Places, class_places, decided_labels
from oilake.jobs.exporting.export_classes import ExportClasses
from oilake.jobs.exporting.image_blocks import ImageBlock, RowSpan
from oilake.jobs.exporting.tf_records import bytes_feature, bytes_item, float_feature, integer_feature, varint
from oilake.jobs.transforms.boxes import ATTRIBUTES, COORDINATES

COLUMNS: dict[str, tuple[str, ...]] = {
    "images": (),
    "boxes": ("mid", *COORDINATES, *ATTRIBUTES),
    "image_labels": ("mid", "verdict"),
}
EDGE_KEYS = {"x_min": "xmin", "x_max": "xmax", "y_min": "ymin", "y_max": "ymax"}
CONFIDENCES = {"positive": 1.0, "negative": 0.0}
FLAGS = (0, 1, -1)  # as the published files write attributes; the last one is unknown


@dataclass(frozen=True)
class RowFeature:
    """A feature that has a value a row: `items`, what is written of each; `wrap` makes the feature of those of an image."""

    name: str
    items: Sequence[bytes]
    wrap: Callable[[bytes], bytes]

    def encode(self, span: RowSpan) -> bytes:
        """The feature of some rows."""
        return self.wrap(b"".join(self.items[span.start : span.stop]))


def image_features(block: ImageBlock, classes: ExportClasses) -> Iterator[dict[str, bytes]]:
    """Yield the encoded features of each of the block's images."""
    boxes, labels = block.tables["boxes"], decided_labels(block.tables["image_labels"], classes, *CONFIDENCES)
    of_boxes, of_labels = list(_box_features(boxes, classes)), list(_label_features(labels, classes))
    for image_id, boxed, labelled in zip(block.image_ids, block.row_spans(boxes), block.row_spans(labels), strict=True):
        features = {
            "image/filename": bytes_feature(bytes_item(f"{block.subset}/{image_id}.jpg".encode())),
            "image/source_id": bytes_feature(bytes_item(image_id.encode())),
        }
        features |= {feature.name: feature.encode(boxed) for feature in of_boxes}
        yield features | {feature.name: feature.encode(labelled) for feature in of_labels}


def _box_features(boxes: pa.Table, classes: ExportClasses) -> Iterator[RowFeature]:
    for edge, key in EDGE_KEYS.items():
        yield RowFeature(f"image/object/bbox/{key}", _float_items(boxes[edge]), float_feature)
    yield from _class_features("image/object/class", class_places(boxes["mid"], classes), classes)
    for name in ATTRIBUTES:
        codes = pc.fill_null(boxes[name].cast(pa.int8()), len(FLAGS) - 1).to_pylist()
        yield RowFeature(
            f"image/object/{name.removeprefix('is_')}", _feature_items(map(varint, FLAGS), codes), integer_feature
        )


def _label_features(labels: pa.Table, classes: ExportClasses) -> Iterator[RowFeature]:
    yield from _class_features("image/class", labels[PLACE].to_numpy(), classes)
    confidences = pa.array([CONFIDENCES[verdict] for verdict in labels["verdict"].to_pylist()], pa.float64())
    yield RowFeature("image/class/confidence", _float_items(confidences), float_feature)


def _class_features(stem: str, places: Places, classes: ExportClasses) -> Iterator[RowFeature]:
    texts = (bytes_item(mid.encode()) for mid in classes.mids)
    yield RowFeature(f"{stem}/text", _feature_items(texts, places.tolist()), bytes_feature)
    numbers = map(varint, range(1, len(classes.mids) + 1))
    yield RowFeature(f"{stem}/label", _feature_items(numbers, places.tolist()), integer_feature)


def _feature_items(texts: Iterable[bytes], places: Iterable[int]) -> list[bytes]:
    """What is written of each row whose value has this place among the texts."""
    written = list(texts)
    return [written[place] for place in places]


def _float_items(values: pa.Array | pa.ChunkedArray) -> list[bytes]:
    data = values.to_numpy().astype("<f4").tobytes()
    return [data[start : start + 4] for start in range(0, len(data), 4)]
