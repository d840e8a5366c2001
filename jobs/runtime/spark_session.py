"""The one place that builds a SparkSession."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oilake.conf.errors import ConfigError
from oilake.conf.settings import Settings
from oilake.jobs.runtime import class_archive, hidden_modules, java_home
from oilake.jobs.runtime.filesystem import is_on_s3
from oilake.jobs.runtime.jars import GROUPS, JarGroup, find_jars
from oilake.jobs.runtime.spark_errors import spark_errors

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

StartSession = Callable[[], "SparkSession"]  # gives the running session; the first call may start it
DELTA_OPTIONS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",  # ${env:…} in a condition stays text
    "spark.sql.warehouse.dir": str(Path(tempfile.gettempdir()) / "oilake-spark-warehouse"),  # not in the user's folder
}
# Workers of other machines start as Spark has it: what travels to them is found only later.
WORKER_DAEMON = {"spark.python.daemon.module": "oilake.jobs.pipeline.worker_daemon"}
DELTA_CLASS = "io.delta.sql.DeltaSparkSessionExtension"
S3_CLASS = "org.apache.hadoop.fs.s3a.S3AFileSystem"


def start_session(settings: Settings, *places: str) -> SparkSession:
    """The running session, or a new one with Delta, and with S3 where the warehouse, the landing area or one of the `places`
    that it will read is there; ConfigError when Java or a jar is not to be found."""
    hidden_modules.reveal_modules()
    from pyspark.logger import PySparkLogger  # what starts no Spark imports none
    from pyspark.sql import SparkSession

    groups = GROUPS if is_on_s3(settings.warehouse, settings.landing, *places) else GROUPS[:1]
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    if home := java_home.find():
        os.environ["JAVA_HOME"] = home
    os.environ.setdefault("SPARK_LOCAL_IP", settings.spark.get("spark.driver.host", ""))
    builder = SparkSession.builder.appName("oilake")
    options = DELTA_OPTIONS | _s3_options(settings, groups) | settings.spark
    options |= _place_options(settings, groups, options)
    for key, value in options.items():
        builder = builder.config(key, value)
    try:
        spark = _start_in_thread(builder, options)
    except (*spark_errors(), OSError) as error:
        raise ConfigError(
            f"Spark does not start ({_first_line(error)}); run `oilake setup`, or set JAVA_HOME to Java 17 or 21"
        ) from None
    for group in groups:
        _check_class(spark, group)
    if not _is_debugging():
        spark.sparkContext.setLogLevel("OFF")
        # It prints each query that fails, on a handler of its own, beside our sentence.
        PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
        # Where Java is gone it prints a stack trace, in a thread of its own, at times behind our sentence.
        accumulators: Any = spark.sparkContext._accumulatorServer
        accumulators.handle_error = lambda *_: None
    return spark


def _start_in_thread(builder: Any, options: Mapping[str, str]) -> SparkSession:
    """Started in a thread of its own: an interrupt breaks no call to Java, and PySpark sets no handler that would."""
    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(_open_quietly, builder, options)
        while not wait([started], 0.5).done:
            pass
        session: SparkSession = started.result()
    return session


def _open_quietly(builder: Any, options: Mapping[str, str]) -> SparkSession:
    """As PySpark does it, but that Java's stderr leads nowhere: its greetings are no news to the person who waits."""
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    if not (_is_debugging() or _is_submitted() or SparkContext._gateway):
        conf = SparkConf().setAll(list(options.items()))
        gateway = launch_gateway(conf, {"stderr": subprocess.DEVNULL})  # type: ignore[no-untyped-call]
        SparkContext._ensure_initialized(gateway=gateway)
    session: SparkSession = builder.getOrCreate()
    return session


def _is_debugging() -> bool:
    return os.environ.get("OILAKE_DEBUG") == "1"


def _is_submitted() -> bool:
    """Whether spark-submit started this process: then it has given the master."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _s3_options(settings: Settings, groups: Sequence[JarGroup]) -> dict[str, str]:
    return {"spark.hadoop.fs.s3.impl": S3_CLASS} | settings.storage.spark_options() if "s3" in groups else {}


def _place_options(settings: Settings, groups: Sequence[JarGroup], options: dict[str, str]) -> dict[str, str]:
    """Where Spark runs and which jars it has, on this machine from an archive of their classes where there is one: executors
    elsewhere are sent what stands in spark.jars alone."""
    master = "" if "MASTER" in os.environ or _is_submitted() else settings.master or ""
    chosen = {"spark.master": master} if master else {}
    if not master.startswith("local"):
        return chosen | _sent_jars(find_jars(settings.jars, groups))
    delta_jars, other_jars = find_jars(settings.jars, groups[:1]), find_jars(settings.jars, groups[1:])
    archived = class_archive.session_options(delta_jars, options)
    return chosen | WORKER_DAEMON | archived | _sent_jars(other_jars if archived else delta_jars + other_jars)


def _sent_jars(jars: Sequence[str]) -> dict[str, str]:
    return {"spark.jars": ",".join(jars)} if jars else {}


def _check_class(spark: SparkSession, group: JarGroup) -> None:
    """ConfigError where Spark runs without the jars of a group."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    name, class_name = ("Delta's", DELTA_CLASS) if group == "delta" else ("S3's", S3_CLASS)
    try:
        jvm.java.lang.Thread.currentThread().getContextClassLoader().loadClass(class_name)
    except Exception:
        raise ConfigError(
            f"{name} jars are not on Spark's class path; run `oilake setup`, set OILAKE_JARS to their folder, "
            "or give spark-submit --jars"
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
