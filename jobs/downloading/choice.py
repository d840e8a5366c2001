"""Which images are downloaded: by class, verdict, box, licence, list of IDs or a condition on their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from conf.errors import ConfigError
from jobs.blobs.attribution import COLUMNS
from jobs.tables.open import existing, uri
from jobs.tables.read import read
from jobs.tables.snapshots import pinned, small_rows
from jobs.tables.trouble import SPARK_ERRORS, told
from jobs.transforms.implications import ancestors

LIST = "TsvHttpData-1.0"
NAME = r"^\s*(?:(train|validation|test)(?:_[0-9a-f])?/)?([0-9a-fA-F]{16})(?:\.jpg)?\s*$"
ENTRY = r"^(https?://\S+)(?:\t([0-9]*)(?:\t([A-Za-z0-9+/=]*))?)?\s*$"
LOOKED_AT = ("image_id", "subset", "original_size", "original_md5", "thumbnail_300k_url", *COLUMNS)


@dataclass(frozen=True)
class Choice:
    """What --subset, --mid and their like say; what is empty or None chooses nothing away."""

    subsets: tuple[str, ...] = ()
    mids: tuple[str, ...] = ()
    with_subclasses: bool = False
    verdict: str = "positive"
    is_boxed: bool = False
    license: str | None = None
    images: str | None = None
    where: str | None = None


def chosen(spark: SparkSession, warehouse: str, release: str, choice: Choice) -> DataFrame:
    """The rows of `images` to download, columns LOOKED_AT; ConfigError where the choice does not fit the tables."""
    found = read(spark, warehouse, "images", release)
    if choice.where:
        try:
            found = found.where(choice.where)
        except SPARK_ERRORS as error:
            raise ConfigError(f"--where: {told(error)}") from None
    if choice.subsets:
        found = found.where(found["subset"].isin(*choice.subsets))
    if choice.license:
        found = found.where(sf.lower("license").contains(choice.license.lower()))
    found = found.select(*LOOKED_AT)
    if choice.mids or choice.is_boxed:
        found = found.join(_labelled(spark, warehouse, release, choice), ["subset", "image_id"], "left_semi")
    return _listed(spark, found, choice.images) if choice.images else found


def _labelled(spark: SparkSession, warehouse: str, release: str, choice: Choice) -> DataFrame:
    """(subset, image_id) of the images that have a label or a box of the chosen classes."""
    mids = classes(warehouse, release, choice.mids, choice.with_subclasses)
    table = read(spark, warehouse, "boxes" if choice.is_boxed else "image_labels", release)
    if mids:
        table = table.where(table["mid"].isin(*mids))
    if not choice.is_boxed:
        table = table.where(table["verdict"] == choice.verdict)
    return table.select("subset", "image_id")


def classes(warehouse: str, release: str, mids: Sequence[str], with_subclasses: bool) -> list[str]:
    """The classes, and those below them in the hierarchy where that is wanted; ConfigError for an unknown class."""
    pin = pinned(warehouse, release)
    known = {row["mid"] for row in small_rows(warehouse, "classes", pin, ["mid"])}
    if unknown := [mid for mid in mids if mid not in known]:
        raise ConfigError(f"--mid {unknown[0]}: {release} has no such class; see `oilake show classes`")
    if not with_subclasses:
        return list(mids)
    nodes = small_rows(warehouse, "hierarchy", pin, ["path", "parent_path", "mid", "relation"])
    return sorted({*mids, *(below for below, above in ancestors(nodes) if above in mids)})


def _listed(spark: SparkSession, images: DataFrame, file: str) -> DataFrame:
    """The images that a list names: image IDs or split/ID a line, or the addresses of a TsvHttpData-1.0 list."""
    path = Path(file).absolute()
    try:
        with path.open(encoding="utf-8") as lines:
            is_tsv = lines.readline().strip() == LIST
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--images {file}: cannot be read ({error}); give a file that every worker reaches") from None
    text = spark.read.text(path.as_uri()).where("trim(value) != ''")
    if is_tsv:
        text = text.where(sf.trim("value") != LIST)
    pattern = ENTRY if is_tsv else NAME
    _refuse_odd(text, pattern, file)
    if is_tsv:
        return _by_address(images, text)
    listed = text.select(
        sf.regexp_extract("value", pattern, 1).alias("split"),
        sf.lower(sf.regexp_extract("value", pattern, 2)).alias("image_id"),
    ).distinct()
    same = (listed["image_id"] == images["image_id"]) & (
        (listed["split"] == "") | (listed["split"] == images["subset"])
    )
    return images.join(listed, same, "left_semi")


def _refuse_odd(text: DataFrame, pattern: str, file: str) -> None:
    if odd := text.where(~text["value"].rlike(pattern)).head():
        raise ConfigError(
            f"--images {file}: {str(odd['value'])[:80]!r} is no image ID, split/ID or line of a {LIST} list"
        )


def _by_address(images: DataFrame, text: DataFrame) -> DataFrame:
    """By original_url; what the list says of size and MD5 counts where the release says nothing."""
    md5 = sf.lower(sf.hex(sf.unbase64(sf.nullif(sf.regexp_extract("value", ENTRY, 3), sf.lit("")))))
    size = sf.nullif(sf.regexp_extract("value", ENTRY, 2), sf.lit("")).cast("bigint")
    listed = text.select(
        sf.regexp_extract("value", ENTRY, 1).alias("original_url"), size.alias("size"), md5.alias("md5")
    ).dropDuplicates(["original_url"])
    found = images.join(listed, "original_url")
    found = found.withColumn("original_size", sf.coalesce("original_size", "size"))
    return found.withColumn("original_md5", sf.coalesce("original_md5", "md5")).select(*LOOKED_AT)


def with_known(spark: SparkSession, images: DataFrame, warehouse: str, release: str, location: str) -> DataFrame:
    """The images with what `downloads` says of the blob at the location: known_bytes, known_source, known_is_resized;
    NULL where the newest row tells of none."""
    if existing(warehouse, "downloads").version() == 0:  # it costs Spark seconds to find out
        return images.selectExpr(
            "*", "CAST(NULL AS BIGINT) known_bytes", "CAST(NULL AS STRING) known_source",
            "CAST(NULL AS BOOLEAN) known_is_resized",
        )  # fmt: skip
    rows = spark.read.format("delta").load(uri(warehouse, "downloads"))
    mine = rows.where((rows["release"] == release) & (rows["location"] == location))
    newest = mine.groupBy("image_id").agg(
        sf.max_by(sf.struct("status", "bytes", "source", "is_resized"), "downloaded_at").alias("newest")
    )
    there = newest.where("newest.status = 'downloaded'").select(
        "image_id",
        sf.col("newest.bytes").alias("known_bytes"),
        sf.col("newest.source").alias("known_source"),
        sf.col("newest.is_resized").alias("known_is_resized"),
    )
    return images.join(there, "image_id", "left")
