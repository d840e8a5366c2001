"""usage: dist.py OUT JARS

What a cluster needs beside the zip of the packages: the job files, the jars, a packed Python environment, and Spark's
settings that name all of them by paths relative to OUT.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

PROJECT = Path(__file__).parents[1]
CLUSTERS_OWN = ("pyspark", "delta-spark")  # the cluster's Spark brings the first; the second is but a shell around jars
ENVIRONMENT = "environment"
PACKER = "venv-pack2==0.9.2"


def main(out: Path, jars: Path) -> int:
    out.mkdir(parents=True, exist_ok=True)
    for source in sorted((PROJECT / "jobs").glob("*.py")):
        _copy_into(out / "jobs", source)
    names = [
        _copy_into(out / "jars", jar).name for folder in (jars, jars / "s3") for jar in sorted(folder.glob("*.jar"))
    ]
    (out / "jars.txt").write_text("".join(f"{name}\n" for name in names))
    (out / "spark-defaults.conf").write_text(_spark_settings(names))
    _pack_environment(out)
    return 0


def _copy_into(folder: Path, source: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return Path(shutil.copy2(source, folder / source.name))


def _spark_settings(jars: list[str]) -> str:
    settings = {
        "spark.submit.pyFiles": "oilake.zip",
        "spark.archives": f"{ENVIRONMENT}.tar.gz#{ENVIRONMENT}",
        "spark.pyspark.python": f"./{ENVIRONMENT}/bin/python",
        "spark.jars": ",".join(f"jars/{name}" for name in jars),
        "spark.executor.extraJavaOptions": "-XX:ReservedCodeCacheSize=240m",
    }
    return "".join(f"{key} {value}\n" for key, value in settings.items())


def _pack_environment(out: Path) -> None:
    """The dependencies alone, in an environment of their own that is packed for --archives."""
    folder = PROJECT / "build" / ENVIRONMENT
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *_dependencies()], check=True)
    packed = out / f"{ENVIRONMENT}.tar.gz"
    subprocess.run(
        [folder / "bin" / "venv-pack", "--prefix", folder, "--output", packed, "--force", "--quiet"], check=True
    )


def _dependencies() -> list[str]:
    needed = requires("open-images-lakehouse") or []
    return [line for line in needed if "extra ==" not in line and not line.startswith(CLUSTERS_OWN)] + [PACKER]


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), Path(sys.argv[2])))
