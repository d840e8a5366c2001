"""The kinds of defects that can be planted: each breaks one thing in a sound row, or spells it as other tools do."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LONG_BYTES = (1 << 20) + 500
COORDINATES = ("XMin", "XMax", "YMin", "YMax")

FIELD = re.compile(r'(?<=,)(?:"(?:[^"]|"")*"|[^,]*)')

Row = dict[str, str]
Record = bytes


@dataclass(frozen=True)
class DefectKind:
    """`reason`: the one quarantine reason that follows ("" where the row is to be repaired); `tables`: where it fits.

    `damage` gets a sound row (fields by column, quotes still around them) and a number that picks a variant, and gives
    the damaged record without its line end. `replaces`: the sound row goes (else the bad one comes behind it).
    `needs`: what the sound row must be like.
    """

    reason: str
    tables: tuple[str, ...]
    damage: Callable[[Row, int], Record]
    replaces: bool = False
    needs: Callable[[Row, int], bool] = lambda row, n: True


IMAGES, LABELS, BOXES = ("images",), ("machine", "human"), ("boxes",)
ANNOTATIONS = (*LABELS, *BOXES)
EVERYWHERE = (*IMAGES, *ANNOTATIONS)


def split_record(record: bytes) -> list[str]:
    """The fields of a sound record on one line, quotes still around them."""
    return [field_match[0] for field_match in FIELD.finditer("," + record.decode())]


def join_record(row: Row) -> Record:
    """The row as it stands in a file, without its line end."""
    return ",".join(row.values()).encode()


def replace_column(**columns: tuple[str, ...]) -> Callable[[Row, int], Record]:
    """One of the given texts in one of the given columns, by turns; columns that the row has not are passed over."""

    def replace_value(row: Row, n: int) -> Record:
        choices = [(name, value) for name, values in columns.items() if name in row for value in values]
        name, value = choices[n % len(choices)]
        return join_record({**row, name: value})

    return replace_value


def _text_column(row: Row) -> str:
    return "Title" if "Title" in row else "LabelName"


def _bad_image_id(row: Row, n: int) -> Record:
    bad = ("00zz" + row["ImageID"][4:], row["ImageID"] + "0", "-" + row["ImageID"][1:], "image" + row["ImageID"][:4])
    return join_record({**row, "ImageID": bad[n % len(bad)]})


def _short_decimal(row: Row, n: int) -> Record:
    return join_record({**row, "ImageID": str(int(row["ImageID"], 16) % 10 ** (1 + n % 15))})


def _respelled_image_id(row: Row, n: int) -> Record:
    image_id = row["ImageID"]
    spelled = (image_id.upper(), image_id.lstrip("0"), f"0x{image_id}")[n % 3]
    return join_record({**row, "ImageID": spelled})


def _respellable_image_id(row: Row, n: int) -> bool:
    image_id = row["ImageID"]
    return (image_id.upper() != image_id, image_id.startswith("0") and not image_id.isdigit(), True)[n % 3]


def _respelled_mid(row: Row, n: int) -> Record:
    _, letter, rest = row["LabelName"].split("/")
    spelled = (
        f"{letter}.{rest}",
        f"/{letter}/{rest}".upper(),
        f"kg:/{letter}/{rest}",
        f"http://rdf.freebase.com/ns/{letter}.{rest}",
    )
    return join_record({**row, "LabelName": spelled[n % len(spelled)]})


def _bad_confidence(row: Row, n: int) -> Record:
    bad = ["1.5", "abc", "-0.1", "nan"]
    if row["Source"] in ("verification", "crowdsource-verification") and "XMin" not in row:
        bad.insert(0, "0.5")
    return join_record({**row, "Confidence": bad[n % len(bad)]})


def _inverted_box(row: Row, n: int) -> Record:
    low, high = COORDINATES[n % 2 * 2 : n % 2 * 2 + 2]
    return join_record({**row, low: row[high], high: row[low]})


def _invertible_box(row: Row, n: int) -> bool:
    low, high = COORDINATES[n % 2 * 2 : n % 2 * 2 + 2]
    return float(row[low]) < float(row[high])


def _other_subset(row: Row, n: int) -> Record:
    other_subsets = [subset for subset in ("train", "validation", "test") if subset != row["Subset"]]
    return join_record({**row, "Subset": other_subsets[n % 2]})


def _another_row(row: Row, n: int) -> Record:
    return join_record({**row, "Title": f'"The same photo, number {n}"', "OriginalSize": str(10_000 + n)})


def _field_count(row: Row, n: int) -> Record:
    values = list(row.values())
    return ",".join(values[:-1] if n % 2 else [*values, "surplus"]).encode()


def _nul_byte(row: Row, n: int) -> Record:
    name = _text_column(row)
    value = row[name]
    return join_record({**row, name: f"{value[:1]}\0{value[1:]}"})


def _invalid_utf8(row: Row, n: int) -> Record:
    name = _text_column(row)
    marked = join_record({**row, name: f"{row[name][:1]}\N{REPLACEMENT CHARACTER}{row[name][1:]}"})
    return marked.replace("\N{REPLACEMENT CHARACTER}".encode(), (b"\xff\xfe", b"\xc3(", b"\xed\xa0\x80")[n % 3])


def _loose_quotes(row: Row, n: int) -> Record:
    return join_record({**row, "Title" if "Title" in row else "Source": '"abc"def'})


def _long_title(row: Row, n: int) -> Record:
    return join_record({**row, "Title": f'"{"long " * (LONG_BYTES // 5)}"'})


def _short_md5(length: int) -> str:
    return base64.b64encode(bytes(range(length))).decode()


KINDS = {
    "invalid_image_id": DefectKind("invalid_image_id", EVERYWHERE, _bad_image_id),
    "ambiguous_image_id": DefectKind("ambiguous_image_id", EVERYWHERE, _short_decimal),
    "invalid_mid": DefectKind("invalid_mid", ANNOTATIONS, replace_column(LabelName=("banana", "/m/", "/x/0bcd"))),
    "unknown_source": DefectKind("unknown_source", ANNOTATIONS, replace_column(Source=("oracle", "Verification?"))),
    "invalid_confidence": DefectKind("invalid_confidence", ANNOTATIONS, _bad_confidence),
    "invalid_coordinate": DefectKind(
        "invalid_coordinate",
        BOXES,
        replace_column(XMax=("1.2", "left"), YMin=("-0.1",), YMax=("1.000001",), XMin=("nan",)),
    ),
    "inverted_box": DefectKind("inverted_box", BOXES, _inverted_box, needs=_invertible_box),
    "invalid_attribute": DefectKind(
        "invalid_attribute", ("attributes",), replace_column(IsOccluded=("7",), IsGroupOf=("yes",), IsInside=("-2",))
    ),
    "invalid_size": DefectKind("invalid_size", IMAGES, replace_column(OriginalSize=("-5", "12.5", "big"))),
    "invalid_md5": DefectKind(
        "invalid_md5", IMAGES, replace_column(OriginalMD5=(_short_md5(12), _short_md5(20), "none"))
    ),
    "wrong_subset": DefectKind("wrong_subset", IMAGES, _other_subset),
    "duplicate_image_id": DefectKind("duplicate_image_id", IMAGES, _another_row),
    "wrong_field_count": DefectKind("wrong_field_count", EVERYWHERE, _field_count),
    "nul_byte": DefectKind("nul_byte", EVERYWHERE, _nul_byte),
    "invalid_utf8": DefectKind("invalid_utf8", EVERYWHERE, _invalid_utf8),
    "malformed_quotes": DefectKind("malformed_quotes", EVERYWHERE, _loose_quotes),
    "field_too_long": DefectKind("field_too_long", IMAGES, _long_title),
    "repaired_image_id": DefectKind("", EVERYWHERE, _respelled_image_id, replaces=True, needs=_respellable_image_id),
    "repaired_mid": DefectKind("", ANNOTATIONS, _respelled_mid, replaces=True),
}


def fresh_image_id(rng: np.random.Generator, image_id: str, following: str | None) -> str | None:
    """An ID of no image, between two that follow each other; None where there is no room."""
    low, high = int(image_id, 16), int(following, 16) if following else 2**64 - 1
    return f"{low + int(rng.integers(1, min(high - low, 1_000))):016x}" if high - low > 1 else None
