"""Does once what a job does with Spark and Delta, so that the classes which that loads can be kept in an archive."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

from pyspark import SparkContext

from oilake.conf.settings import environment_settings
from oilake.jobs.pipeline.start import start_job
from oilake.jobs.tables.warehouse import Warehouse

LONGEST_SECONDS = 120


def main(folder: str) -> None:
    """Starts a session, makes the tables in a warehouse below `folder`, reads one, and waits until Java has ended."""
    settings = dataclasses.replace(environment_settings("local"), warehouse=str(Path(folder) / "warehouse"))
    spark, _ = start_job(settings)
    labels = spark.read.format("delta").load(Warehouse.of(settings).table_uri("labels"))
    labels.where("release = 'v1'").groupBy("mid").count().orderBy("mid").collect()
    java = SparkContext._gateway.proc  # type: ignore[union-attr]
    spark.stop()
    java.stdin.close()  # Java ends with it, and writes its archive only then
    java.wait(LONGEST_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
