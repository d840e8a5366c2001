"""What a file's first and last bytes tell: which kind of image it is, whether it ends as one, and its sides in pixels.

Nothing is decoded, so no picture is too large to look at.
"""

from __future__ import annotations

from typing import Literal

Chunk = bytes | memoryview

HEAD = 256 << 10
TAIL = 64

MAGIC = {
    b"\xff\xd8\xff": "jpeg",
    b"\x89PNG\r\n\x1a\n": "png",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"II*\0": "tiff",
    b"MM\0*": "tiff",
    b"II+\0": "tiff",
    b"MM\0+": "tiff",
    b"BM": "bmp",
}
ENDS = {"jpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82", "gif": b";"}
PADDING = b"\0\r\n "
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
BARE = frozenset({0x01, *range(0xD0, 0xD9)})
BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
WIDTH, HEIGHT = 256, 257
LONGEST = (1 << 31) - 1


def image_kind(head: bytes) -> str | None:
    """jpeg, png, gif, webp, tiff or bmp by the first bytes; None where they are of no image."""
    candidate = next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
    if candidate == "webp" and head[8:12] != b"WEBP":
        return None
    if candidate == "bmp" and _read_number(head, 14, 4) not in BMP_HEADERS:
        return None
    return candidate


def is_whole(kind: str, head: Chunk, size: int, tail: bytes) -> bool | None:
    """Whether `size` bytes that begin with `head` and end with `tail` end as an image of the kind (padding after it is
    fine): by its end mark, or by the size that its header claims; None where neither is told."""
    if kind == "webp":
        return size >= 8 + _read_number(head, 4, 4)
    if kind == "bmp":
        return size >= claimed if (claimed := _read_number(head, 2, 4)) else None
    end = ENDS.get(kind)
    return None if end is None else tail.endswith(end) or tail.rstrip(PADDING).endswith(end)


def image_sides(kind: str, head: Chunk) -> tuple[int, int] | None:
    """(width, height) that the header claims, at most LONGEST; None where `head` does not reach so far."""
    reader = {
        "jpeg": _jpeg_sides,
        "png": _png_sides,
        "gif": _gif_sides,
        "webp": _webp_sides,
        "tiff": _tiff_sides,
        "bmp": _bmp_sides,
    }[kind]
    claimed = reader(head)
    return (min(claimed[0], LONGEST), min(claimed[1], LONGEST)) if claimed else None


def _read_number(head: Chunk, start: int, length: int, order: Literal["big", "little"] = "little") -> int:
    return int.from_bytes(head[start : start + length], order)


def _png_sides(head: Chunk) -> tuple[int, int] | None:
    is_header = head[12:16] == b"IHDR" and len(head) >= 24
    return (_read_number(head, 16, 4, "big"), _read_number(head, 20, 4, "big")) if is_header else None


def _gif_sides(head: Chunk) -> tuple[int, int] | None:
    return (_read_number(head, 6, 2), _read_number(head, 8, 2)) if len(head) >= 10 else None


def _bmp_sides(head: Chunk) -> tuple[int, int] | None:
    if len(head) < 26:
        return None
    if _read_number(head, 14, 4) == 12:
        return _read_number(head, 18, 2), _read_number(head, 20, 2)
    height = int.from_bytes(head[22:26], "little", signed=True)  # below 0 where the rows stand from top to bottom
    return _read_number(head, 18, 4), abs(height)


def _webp_sides(head: Chunk) -> tuple[int, int] | None:
    """From the first chunk: VP8X tells the canvas, VP8L and VP8 the picture."""
    form = bytes(head[12:16])
    if len(head) < 30 or form not in (b"VP8X", b"VP8L", b"VP8 "):
        return None
    if form == b"VP8X":
        return _read_number(head, 24, 3) + 1, _read_number(head, 27, 3) + 1
    if form == b"VP8L":
        bits = _read_number(head, 21, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _read_number(head, 26, 2) & 0x3FFF, _read_number(head, 28, 2) & 0x3FFF


def _tiff_sides(head: Chunk) -> tuple[int, int] | None:
    """From the first directory, where it stands within `head`; BigTIFF has another form."""
    order: Literal["big", "little"] = "big" if head[:2] == b"MM" else "little"
    offset = _read_number(head, 4, 4, order)
    if _read_number(head, 2, 2, order) != 42 or offset + 2 > len(head):
        return None
    tags: dict[int, int] = {}
    stop = min(len(head), offset + 2 + 12 * _read_number(head, offset, 2, order))
    for start in range(offset + 2, stop, 12):
        length = {3: 2, 4: 4}.get(_read_number(head, start + 2, 2, order), 0)
        tags[_read_number(head, start, 2, order)] = _read_number(head, start + 8, length, order)
    return (tags[WIDTH], tags[HEIGHT]) if tags.get(WIDTH) and tags.get(HEIGHT) else None


def _jpeg_sides(head: Chunk) -> tuple[int, int] | None:
    """From the frame header, past the segments (Exif, ICC, tables) before it."""
    offset = 2
    while offset + 9 <= len(head) and head[offset] == 0xFF:
        marker = head[offset + 1]
        if marker == 0xFF:
            offset += 1
        elif marker in BARE:
            offset += 2
        elif marker in FRAMES:
            return _read_number(head, offset + 7, 2, "big"), _read_number(head, offset + 5, 2, "big")
        else:
            offset += 2 + _read_number(head, offset + 2, 2, "big")
    return None
