"""What Spark raises, to be caught; where nothing is asked of Spark, nothing of it is imported."""

from __future__ import annotations


def spark_errors() -> tuple[type[Exception], type[Exception]]:
    """The classes of its errors, and of those of the bridge to Java."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    return PySparkException, Py4JError
