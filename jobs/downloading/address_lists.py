"""Lists of images in files: IDs in any form that jobs/sources/image_lists.py reads, and CVDF's TsvHttpData-1.0."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TextIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from oilake.conf.errors import ConfigError
from oilake.jobs.sources import image_lists
from oilake.jobs.sources.image_id_text import STRIPPED
from oilake.jobs.sources.image_lists import BATCH_LINES, HELP
from oilake.jobs.transforms import image_ids, md5

Numbers = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

HEADER = "TsvHttpData-1.0"
ENTRY = r"^(?P<url>https?://[^\s]+)(?:\t(?P<size>[0-9]{0,18})(?:\t(?P<md5>|[A-Za-z0-9+/]{21}[AQgw]==))?)?$"


@dataclass(frozen=True)
class IdList:
    """`by_split`: the sorted numbers of the IDs of each split, and under "" those without one."""

    by_split: dict[str, Numbers]

    def numbers(self) -> Numbers:
        """All of them, each once, sorted."""
        return _sort_distinct(list(self.by_split.values()))

    def count(self) -> int:
        """How many entries there are."""
        return sum(map(len, self.by_split.values()))

    def hold(self, ids: Numbers, subset: str) -> Mask:
        """Which images of a subset are listed; shape (images,)."""
        return np.isin(ids, self.by_split[""]) | np.isin(ids, self.by_split[subset])


@dataclass(frozen=True)
class AddressList:
    """A transfer list, sorted by hash: 128 bits of each address in `hashes`, shape (n, 2); size and base64 MD5, NULL where
    they are not given."""

    hashes: Numbers
    sizes: pa.Array
    md5s: pa.Array

    def count(self) -> int:
        """How many entries there are."""
        return len(self.hashes)

    def places(self, urls: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Of each address its place in the list, -1 where it is not listed; shape (urls,)."""
        url_hashes = _hash_urls(urls.to_pylist())
        if not len(self.hashes):
            return np.full(len(url_hashes), -1, np.int64)
        indexes = np.searchsorted(self.hashes[:, 0], url_hashes[:, 0])
        indexes[indexes == len(self.hashes)] = 0
        return np.where((self.hashes[indexes] == url_hashes).all(axis=1), indexes, -1).astype(np.int64)

    def told(self, places: npt.NDArray[np.int64]) -> tuple[pa.Array, pa.Array]:
        """(sizes, MD5s in hex) of the originals at these places of the list."""
        return self.sizes.take(pa.array(places)), md5.to_hex(self.md5s.take(pa.array(places)))


def read_list(file: str) -> IdList | AddressList:
    """The list in a file; ConfigError names the line that is none of a list's, or says that there is no image in it."""
    try:
        with image_lists.open_list(file) as lines:
            first = lines.readline()
            if first.strip(STRIPPED) == HEADER:
                entries: IdList | AddressList = _read_addresses(lines, file)
            else:
                entries = _read_ids(chain([first], lines), file)
    except (OSError, UnicodeError) as error:
        cause = getattr(error, "strerror", None) or error
        raise ConfigError(f"--images {file}: cannot be read ({cause}); give a text or CSV file of image IDs") from None
    if not entries.count():
        raise ConfigError(f"--images {file}: holds no image; give {HELP}, or leave --images out")
    return entries


def read_id_numbers(file: str) -> Numbers:
    """The listed image IDs, each once, sorted; ConfigError where addresses are listed in their place."""
    listed = read_list(file)
    if isinstance(listed, AddressList):
        raise ConfigError(f"--images {file}: lists addresses, not image IDs; give {HELP}")
    return listed.numbers()


def _read_ids(lines: Iterator[str], file: str) -> IdList:
    numbers_by_split: dict[str, list[Numbers]] = {split: [] for split in ("", "train", "validation", "test")}
    for listed in image_lists.read_images(lines, f"--images {file}"):
        images, splits = image_ids.as_numbers(listed.ids), listed.splits.to_numpy(zero_copy_only=False)
        for split, parts in numbers_by_split.items():
            parts.append(images[splits == split])
    return IdList(
        {split: _sort_distinct([np.empty(0, np.uint64), *parts]) for split, parts in numbers_by_split.items()}
    )


def _sort_distinct(parts: Sequence[Numbers]) -> Numbers:
    """All numbers of the parts, each once, sorted; numpy's own `unique` hashes millions of them many times slower."""
    ordered = np.sort(np.concatenate(parts))
    is_first = np.ones(len(ordered), np.bool_)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return ordered[is_first]


def _read_addresses(lines: TextIO, file: str) -> AddressList:
    hashes, sizes, md5s = [np.empty((0, 2), np.uint64)], [pa.array([], pa.int64())], [pa.array([], pa.string())]
    for entries in _read_entries(lines, file):
        hashes.append(_hash_urls(entries.field("url").to_pylist()))
        sizes.append(_blank_as_null(entries.field("size")).cast(pa.int64()))
        md5s.append(_blank_as_null(entries.field("md5")))
    every = np.concatenate(hashes)
    order = np.lexsort((every[:, 1], every[:, 0]))  # stable: of an address that stands twice the first entry counts
    first = np.ones(len(order), np.bool_)
    first[1:] = (every[order[1:]] != every[order[:-1]]).any(axis=1)
    order = order[first]
    return AddressList(every[order], pa.concat_arrays(sizes).take(order), pa.concat_arrays(md5s).take(order))


def _blank_as_null(texts: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _hash_urls(urls: list[str]) -> Numbers:
    digests = b"".join(xxhash.xxh3_128_digest(url.encode()) for url in urls)
    return np.frombuffer(digests, np.uint64).reshape(-1, 2)


def _read_entries(lines: TextIO, file: str) -> Iterator[pa.StructArray]:
    """The named parts of each line behind the header, batch by batch, without blank ones."""
    number = 2
    while batch := list(islice(lines, BATCH_LINES)):
        text = pc.utf8_trim_whitespace(pa.array(batch, pa.string()))
        entries = pc.extract_regex(text, ENTRY)
        odd = np.flatnonzero(pc.and_(pc.is_null(entries), pc.not_equal(text, "")).to_numpy(zero_copy_only=False))
        if len(odd):
            shown = f"line {number + int(odd[0])}: {str(text[int(odd[0])])[:80]!r}"
            raise ConfigError(
                f"--images {file}: {shown} is no line of a {HEADER} list; give an address, size and base64 MD5"
            )
        yield entries.filter(pc.is_valid(entries))
        number += len(batch)
