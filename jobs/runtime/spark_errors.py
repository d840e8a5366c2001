"""What Spark raises, to be caught; where nothing is asked of Spark, nothing of it is imported."""

from __future__ import annotations

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

SPARK_ERRORS = (PySparkException, Py4JError)
