"""usage: jars.py FOLDER

Brings Delta's jars into FOLDER, once: Spark's own resolver fetches them, and those that Spark ships itself are left out.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

from jobs import java

DELTA = "io.delta:delta-spark_4.1_2.13:4.4.0"
SHIPPED = "org.apache.hadoop:hadoop-client-api,org.apache.hadoop:hadoop-client-runtime"
OURS = ("io.delta_", "io.unitycatalog_")


def main(folder: Path) -> int:
    if home := java.find():
        os.environ["JAVA_HOME"] = home
    with tempfile.TemporaryDirectory() as ivy:
        builder = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.jars", "").config("spark.driver.host", "127.0.0.1")
        builder = builder.config("spark.jars.packages", DELTA).config("spark.jars.excludes", SHIPPED)
        builder.config("spark.jars.ivy", ivy).getOrCreate().stop()
        found = [jar for jar in Path(ivy, "jars").glob("*.jar") if jar.name.startswith(OURS)]
        for jar in found:
            shutil.copy(jar, folder)
    return 0 if found else 1


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
