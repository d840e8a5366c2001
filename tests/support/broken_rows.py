"""A release of broken rows that a person can read: what stands in its files, and why each row is no row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.support.releases import (
    BOX_HEADER,
    CAT,
    DOG,
    IMAGE_HEADER,
    LABEL_HEADER,
    MD5,
    TAG,
    TRAIN_BOX_HEADER,
    TREE,
    image_id,
    image_row,
)

MIB = 1 << 20
IMAGES, MACHINE, HUMAN, BOXES, CLASSES = (
    f"{name}_{TAG}.tar.gz"
    for name in ("images", "annotations_machine", "annotations_human", "annotations_human_bbox", "classes")
)
TRAIN_IMAGES = f"{TAG}/train/images.csv"
TRAIN_MACHINE = f"{TAG}/train/annotations-machine.csv"


@dataclass(frozen=True)
class Case:
    """One record of a file, and the reasons why it is no row; none where it is one."""

    text: str | bytes
    reasons: tuple[str, ...] = ()

    @property
    def raw(self) -> bytes:
        return self.text if isinstance(self.text, bytes) else self.text.encode()


@dataclass(frozen=True)
class Member:
    """A member with broken rows: `good` makes the n-th good row, one of which stands before each case and at the end."""

    table: str
    file: str
    path: str
    header: str
    good: Callable[[int], str]
    cases: tuple[Case, ...]

    @property
    def records(self) -> list[Case]:
        cases = [one for n, case in enumerate(self.cases) for one in (Case(self.good(n)), case)]
        return [*cases, Case(self.good(len(self.cases)))]

    @property
    def data(self) -> bytes:
        return b"".join(raw + b"\n" for raw in (self.header.encode(), *(record.raw for record in self.records)))

    @property
    def quarantined(self) -> list[tuple[Any, ...]]:
        """(table, file, member, physical line, raw bytes, reasons) of each bad record, by Python's count of line feeds."""
        found, line = [], 2
        for record in self.records:
            if record.reasons:
                found.append((self.table, self.file, self.path, line, record.raw, tuple(sorted(record.reasons))))
            line += record.raw.count(b"\n") + 1
        return found


def label(image: str, source: str = "machine", mid: str = DOG, confidence: str = "0.9") -> str:
    return f"{image},{source},{mid},{confidence}"


def box(image: str, corners: str = "0.1,0.9,0.2,0.8", source: str = "xclick", rest: str = "") -> str:
    return f"{image},{source},{DOG},1,{corners}{rest}"


ID = image_id(0xABC)
NEW = (image_id(n) for n in count(0xF000))  # IDs that stand in no other row
FIRST, SECOND = image_id(0), image_id(1)

MACHINE_CASES = (
    Case(label(ID).replace("m", "\0", 1), ("nul_byte",)),
    Case(b"\0", ("nul_byte", "wrong_field_count")),
    Case(label(ID).encode().replace(b"machine", b"mach\xffine"), ("invalid_utf8",)),
    Case(label(ID, mid="/m/0").encode() + b"\xed\xa0\x80", ("invalid_utf8",)),  # half of a surrogate pair
    Case(label(ID).encode() + b"\xc3", ("invalid_utf8",)),  # cut in a character
    Case(b"\xff,\0", ("invalid_utf8", "nul_byte", "wrong_field_count")),
    Case(label(ID, confidence="9" * (MIB + 1)), ("field_too_long",)),
    Case(label(ID, source='"' + "x," * (MIB // 2) + '"'), ("field_too_long",)),
    Case(label(ID, source='"' + "x,\n" * (MIB // 2) + '"'), ("field_too_long",)),
    Case("x" * (3 * MIB), ("field_too_long", "wrong_field_count")),
    Case("lonely", ("wrong_field_count",)),
    Case(f"{ID},machine,{DOG}", ("wrong_field_count",)),
    Case(label(ID) + ",", ("wrong_field_count",)),
    Case(" ", ("wrong_field_count",)),
    Case(",,,,", ("wrong_field_count",)),
    Case(",,,", ("missing_value", "unknown_source")),
    Case(label("", mid="banana"), ("missing_value", "invalid_mid")),
    Case(f'{ID},machine,"{DOG},0.9', ("malformed_quotes",)),  # never closed: no quote follows in this row
    Case(f'{ID},"machine"ly,{DOG},0.9', ("malformed_quotes",)),
    Case(f'{ID},"machine" ,{DOG},0.9', ("malformed_quotes",)),
    Case(f'"{ID}""",machine,{DOG},0.9"', ("invalid_image_id", "invalid_confidence")),
    Case(f"{ID},machine\r,{DOG},0.9", ("bare_carriage_return",)),
    Case(f"{ID},machine,{DOG},0.9\r0", ("bare_carriage_return",)),
    Case(f'{ID},"mach\nine",{DOG},0.9', ("unknown_source",)),  # a good record of two lines
    Case(label("banana"), ("invalid_image_id",)),
    Case(label("0" * 17), ("invalid_image_id",)),
    Case(label("0x"), ("invalid_image_id",)),
    Case(label("-1"), ("invalid_image_id",)),
    Case(label(f" {ID}"), ("invalid_image_id",)),
    Case(label("１２３"), ("invalid_image_id",)),  # digits, but full-width ones
    Case(label(f'"{ID}\n"'), ("invalid_image_id",)),
    Case(label(""), ("missing_value",)),
    Case(label(ID, mid="banana"), ("invalid_mid",)),
    Case(label(ID, mid="/m/0aeiou"), ("invalid_mid",)),
    Case(label(ID, mid="/m/"), ("invalid_mid",)),
    Case(label(ID, mid="/x/0bt9lr"), ("invalid_mid",)),
    Case(label(ID, mid=f"{DOG}/"), ("invalid_mid",)),
    Case(label(ID, mid="/m/0\u212a"), ("invalid_mid",)),  # KELVIN SIGN, which lower-cases to k
    Case(label(ID, mid=f'"{DOG}\n"'), ("invalid_mid",)),
    Case(label(ID, mid=""), ("missing_value",)),
    Case(label(ID, source="robot"), ("unknown_source",)),
    Case(label(ID, source="Machine"), ("unknown_source",)),
    Case(label(ID, source="xclick"), ("unknown_source",)),  # a source of boxes
    *(
        Case(label(ID, confidence=confidence), ("invalid_confidence",))
        for confidence in ("high", "nan", "NaN", "inf", "-inf", "1e400", "-0.1", "1.01", "0,5"[::2], "0x1", "1_0", "١")
    ),
    Case(label(ID, confidence=""), ("missing_value",)),
    Case(label("zz", "robot", "zz", "zz"), ("invalid_image_id", "unknown_source", "invalid_mid", "invalid_confidence")),
)
HUMAN_CASES = (
    Case(label(ID, "verification", confidence="0.5"), ("invalid_confidence",)),
    Case(label(ID, "crowdsource-verification", confidence="2"), ("invalid_confidence",)),
    Case(label(ID, "human", confidence="1"), ("unknown_source",)),
    Case(label(ID, "human", confidence="0.5"), ("unknown_source",)),
)
BOX_CASES = (
    *(
        Case(box(ID, corners), ("invalid_coordinate",))
        for corners in ("x,1,0,1", "-0.1,1,0,1", "0,1.1,0,1", "0,1,nan,1", "0,1,0,inf", "0,1,0,1e400", "0,1,1e-1e,1")
    ),
    Case(box(ID, "0.9,0.1,0,1"), ("inverted_box",)),
    Case(box(ID, "0,1,0.8,0.2"), ("inverted_box",)),
    Case(box(ID, "2,1,0,1"), ("invalid_coordinate", "inverted_box")),
    Case(box(ID, "0,1,0,"), ("missing_value",)),
    Case(box(ID, source="human"), ("unknown_source",)),  # V2's
    Case(box("nobody"), ("invalid_image_id",)),
    Case(box(""), ("missing_value",)),
)
ATTRIBUTE_CASES = (
    Case(box(ID, rest=",7,0,0,0,0"), ("invalid_attribute",)),
    Case(box(ID, rest=",0,0,0,true,0"), ("invalid_attribute",)),
    Case(box(ID, rest=",0,0,0,0,-2"), ("invalid_attribute",)),
    Case(box(ID, rest=",0.5,0,0,0,0"), ("invalid_attribute",)),
)
IMAGE_CASES = (
    Case(image_row(FIRST, title="again, two rows later".replace(",", "")), ("duplicate_image_id",)),
    Case(image_row(next(NEW)).replace(",11,", ",-1,"), ("invalid_size",)),
    Case(image_row(next(NEW)).replace(",11,", ",0,"), ("invalid_size",)),
    Case(image_row(next(NEW)).replace(",11,", ",12.5,"), ("invalid_size",)),
    Case(image_row(next(NEW)).replace(",11,", ",1e3,"), ("invalid_size",)),
    Case(image_row(next(NEW)).replace(",11,", ",99999999999999999999,"), ("invalid_size",)),
    Case(image_row(next(NEW)).replace(MD5, "not base64"), ("invalid_md5",)),
    Case(image_row(next(NEW)).replace(MD5, MD5[:-2]), ("invalid_md5",)),
    Case(image_row(next(NEW)).replace(MD5, "XrY7u+Ae7tCTyVK7j1rNwx=="), ("invalid_md5",)),  # bits where none may be
    Case(image_row(next(NEW), subset="test"), ("wrong_subset",)),
    Case(image_row(next(NEW), subset=""), ("wrong_subset",)),
    Case(image_row(next(NEW)).replace("https://", "ftp://"), ("invalid_url",)),
    Case(image_row(next(NEW)) + "javascript:alert(1)", ("invalid_url",)),
    Case(image_row("ghost", title='"two\nlines"'), ("invalid_image_id",)),
    Case(image_row("ghost", title='"two\nlines"', author="\0"), ("nul_byte",)),
    Case(image_row("ghost", title="again"), ("invalid_image_id",)),
    Case(image_row(SECOND.upper()), ("duplicate_image_id",)),
    Case(image_row(f"0X{SECOND}"), ("duplicate_image_id",)),
    Case(image_row(image_id(0xBAD)).replace(",11,", ",-1,"), ("invalid_size",)),
    Case(image_row(image_id(0xBAD))),  # no duplicate: the earlier row is no row
    *(Case(image_row(next(NEW))) for _ in range(40)),  # so that the next one stands in another chunk
    Case(image_row(FIRST), ("duplicate_image_id",)),
    Case(image_row(FIRST), ("duplicate_image_id",)),
)
OTHER_SUBSET_CASES = (
    Case(image_row(FIRST, "validation"), ("duplicate_image_id",)),
    Case(image_row(image_id(5, "validation"), "validation")),
    Case(image_row(image_id(5, "validation"), "validation"), ("duplicate_image_id",)),
)
DESCRIPTION_CASES = (
    Case(f"{CAT},Cat"),
    Case(f"{CAT},Cat again", ("duplicate_mid",)),
    Case("m.0bt9lr,Dog again", ("duplicate_mid",)),
    Case("banana,Banana", ("invalid_mid",)),
    Case(",Nothing", ("missing_value",)),
    Case(f"{TREE},Tree,of life", ("wrong_field_count",)),
    Case(f"{TREE},Tre".encode() + b"\xff", ("invalid_utf8",)),
    Case(f"{TREE},Tre".encode() + b"\xff,x", ("invalid_utf8", "wrong_field_count")),
    Case(f'{TREE},"Tree', ("malformed_quotes",)),
)

BROKEN = (
    Member("labels", MACHINE, TRAIN_MACHINE, LABEL_HEADER, lambda n: label(image_id(n)), MACHINE_CASES),
    Member(
        "labels",
        HUMAN,
        f"{TAG}/train/annotations-human.csv",
        LABEL_HEADER,
        lambda n: label(image_id(n), "verification" if n % 2 else "crowdsource-verification", confidence="1"),
        HUMAN_CASES,
    ),
    Member(
        "boxes",
        BOXES,
        f"{TAG}/train/annotations-human-bbox.csv",
        TRAIN_BOX_HEADER,
        lambda n: box(image_id(n), f"0.{n}1,0.99,.25,1."),
        BOX_CASES,
    ),
    Member(
        "boxes",
        BOXES,
        f"{TAG}/test/annotations-human-bbox.csv",
        BOX_HEADER,
        lambda n: box(image_id(n, "test"), rest=",1,0,-1,,0"),
        ATTRIBUTE_CASES,
    ),
    Member("images", IMAGES, TRAIN_IMAGES, IMAGE_HEADER, lambda n: image_row(image_id(n)), IMAGE_CASES),
    Member(
        "images",
        IMAGES,
        f"{TAG}/validation/images.csv",
        IMAGE_HEADER,
        lambda n: image_row(image_id(0x100 + n, "validation"), "validation"),
        OTHER_SUBSET_CASES,
    ),
    Member(
        "classes",
        CLASSES,
        f"{TAG}/class-descriptions.csv",
        f"{DOG},Dog",
        lambda n: f"/m/0{n}z,Good {n}",
        DESCRIPTION_CASES,
    ),
)
