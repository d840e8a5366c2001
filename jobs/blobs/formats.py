"""What a file's first and last bytes tell: which kind of image it is, whether it ends as one, and its sides in pixels.

Nothing is decoded, so no picture is too large to look at.
"""

from __future__ import annotations

Chunk = bytes | memoryview

HEAD = 256 << 10
TAIL = 64

MAGIC = {
    "jpeg": b"\xff\xd8\xff",
    "png": b"\x89PNG\r\n\x1a\n",
    "gif": b"GIF8",
    "webp": b"RIFF",
    "tiff": b"II*\0",
    "bmp": b"BM",
}
ENDS = {"jpeg": b"\xff\xd9", "png": b"IEND\xaeB`\x82", "gif": b";"}
PADDING = b"\0\r\n "
FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
BARE = frozenset({0x01, *range(0xD0, 0xD9)})


def kind(head: bytes) -> str | None:
    """jpeg, png, gif, webp, tiff or bmp by the first bytes; None where they are of no image."""
    found = next((name for name, magic in MAGIC.items() if head.startswith(magic)), None)
    if found == "webp" and head[8:12] != b"WEBP":
        return None
    return found or ("tiff" if head.startswith(b"MM\0*") else None)


def is_whole(kind: str, tail: bytes) -> bool | None:
    """Whether the last bytes end an image of the kind (padding after it is fine); None for kinds that have no end mark."""
    end = ENDS.get(kind)
    return None if end is None else tail.endswith(end) or tail.rstrip(PADDING).endswith(end)


def sides(kind: str, head: Chunk) -> tuple[int, int] | None:
    """(width, height) that the header of a JPEG, PNG or GIF claims; None where `head` does not reach so far."""
    if kind == "png" and head[12:16] == b"IHDR" and len(head) >= 24:
        return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if kind == "gif" and len(head) >= 10:
        return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")
    return _jpeg(head) if kind == "jpeg" else None


def _jpeg(head: Chunk) -> tuple[int, int] | None:
    """From the frame header, past the segments (Exif, ICC, tables) before it."""
    place = 2
    while place + 9 <= len(head) and head[place] == 0xFF:
        marker = head[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in BARE:
            place += 2
        elif marker in FRAMES:
            return int.from_bytes(head[place + 7 : place + 9], "big"), int.from_bytes(
                head[place + 5 : place + 7], "big"
            )
        else:
            place += 2 + int.from_bytes(head[place + 2 : place + 4], "big")
    return None
