"""Rows of images files: what a photo site would tell of photos that nobody took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from oilake.jobs.synthetic import authors, text, zipf

HOSTS = tuple(f"{name}{n}" for name in ("c", "farm") for n in range(1, 9))
LICENSE = "https://creativecommons.org/licenses/by/2.0/"
PHOTOS = "https://www.flickr.com/photos/"
PEOPLE = "https://www.flickr.com/people/"
BROKEN_TITLES = 1 / 2_000
NO_CHECKSUM = 0.004


@dataclass(frozen=True)
class ImageVocabulary:
    """What rows of images are put together from; `author_paths` and `author_links` are by author, the rest by code."""

    hosts: pa.StringArray
    author_paths: pa.StringArray
    author_links: pa.StringArray
    titles: pa.StringArray


def image_vocabulary(seed: int) -> ImageVocabulary:
    """The hosts, authors and titles of one seed."""
    rng = np.random.default_rng([seed, 3])
    paths, quoted = authors.invent_authors(rng)
    hosts = pa.array([f"https://{host}.staticflickr.com/{n}/" for host in HOSTS for n in range(1, 10)])
    links = text.join_columns(f",{LICENSE},{PEOPLE}", paths, "/,", quoted, ",")
    return ImageVocabulary(hosts, text.join_columns(PHOTOS, paths, "/"), links, authors.invent_titles(rng))


@dataclass(frozen=True)
class ImageDetails:
    """OriginalURL and all columns behind it, up to the title, the size and MD5, and the thumbnail; each of shape (n,)."""

    up_to_title: pa.StringArray
    size_and_md5: pa.StringArray
    thumbnail: pa.StringArray

    def joined_lines(self, photo_columns: Sequence[str] = ()) -> pa.StringArray:
        """All columns joined; `photo_columns`: OriginalSize and OriginalMD5 of the first images, which have a real photo."""
        checksums = _put_first(photo_columns, self.size_and_md5)
        return text.join_columns(self.up_to_title, ",", checksums, ",", self.thumbnail)


def draw_details(rng: np.random.Generator, words: ImageVocabulary, n: int, without_thumbnail: int) -> ImageDetails:
    """The details of n images."""
    host, other_host = rng.integers(0, len(words.hosts), (2, n), dtype=np.int16)
    # An exponent above 1 gives some authors many photos.
    author = (rng.random(n) ** 1.5 * authors.AUTHORS).astype(np.int16)
    photo = text.decimal_digits(rng.integers(1_000_000, 30_000_000_000, n))
    server = text.decimal_digits(rng.integers(1, 9_000, n, dtype=np.int16))
    secrets = text.random_hex(rng, n, 10), text.random_hex(rng, n, 10)
    slash = pa.array(["", "/"]).take(pa.array(zipf.draw_weighted(rng, (0.8, 0.2), n)))
    thumbnail = text.join_columns(
        text.pick(words.hosts, other_host), server, "/", photo, "_", secrets[1],
        pa.array(["_z.jpg", "_z.jpg?zz=1"]).take(pa.array(zipf.draw_weighted(rng, (0.85, 0.15), n))),
    )  # fmt: skip
    absent = np.zeros(n, np.bool_)
    absent[rng.permutation(n)[:without_thumbnail]] = True
    up_to_title = text.join_columns(
        text.pick(words.hosts, host), server, "/", photo, "_", secrets[0], "_o.jpg,",
        text.pick(words.author_paths, author), photo, slash, text.pick(words.author_links, author),
        _draw_titles(rng, words, n),
    )  # fmt: skip
    return ImageDetails(up_to_title, _size_and_md5(rng, n), text.blank(thumbnail, absent))


def image_lines(ids: pa.StringArray, subset: str, rest: pa.StringArray) -> pa.StringArray:
    """Whole rows: the IDs, their subset and `details`."""
    return text.join_columns(ids, f",{subset},", rest, "\n")


def _draw_titles(rng: np.random.Generator, words: ImageVocabulary, n: int) -> pa.StringArray:
    chosen = rng.integers(0, authors.TITLES, n, dtype=np.int16)
    broken = np.flatnonzero(rng.random(n, np.float32) < BROKEN_TITLES)
    chosen[broken] = authors.TITLES + rng.integers(0, authors.BROKEN, len(broken))
    is_camera = (chosen % 4 == 0) & (chosen < authors.TITLES)
    number = text.decimal_digits(rng.integers(0, 10_000, n, dtype=np.int16))
    space = pc.if_else(pa.array(is_camera), "", " ")
    plain = ~is_camera & (rng.random(n, np.float32) < 0.6)
    return text.join_columns(text.pick(words.titles, chosen), text.blank(text.join_columns(space, number), plain), '"')


def _put_first(known_values: Sequence[str], drawn: pa.StringArray) -> pa.StringArray:
    """The drawn values, the first of them replaced by what is known."""
    return (
        pa.concat_arrays([pa.array(known_values, pa.string()), drawn[len(known_values) :]]) if known_values else drawn
    )


def _size_and_md5(rng: np.random.Generator, n: int) -> pa.StringArray:
    """OriginalSize and OriginalMD5; for a few images both are missing."""
    sizes = np.clip(rng.lognormal(13.8, 1.1, n), 4_000, 40_000_000).astype(np.int64)
    checksums = text.join_columns(text.decimal_digits(sizes), ",", text.random_md5s(rng, n))
    missing: npt.NDArray[np.bool_] = rng.random(n, np.float32) < NO_CHECKSUM
    return pc.if_else(pa.array(missing), ",", checksums)
