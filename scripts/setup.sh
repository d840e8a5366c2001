#!/bin/sh
# usage: setup.sh PYTHON VENV
# A virtual environment with the project in it (uv when present), and a Java that Spark runs on.
set -eu
python=$1
venv=$2

"$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || {
    echo "$python is $("$python" -V 2>&1); install Python 3.10 to 3.13, or name one: make setup PYTHON=python3.12" >&2
    exit 2
}

echo "installing the Python dependencies into $venv"
if command -v uv >/dev/null 2>&1; then
    uv venv --quiet --allow-existing --python "$python" "$venv"
    uv pip install --quiet --python "$venv/bin/python" -e '.[dev]'
else
    "$python" -m venv "$venv" || {
        echo "$python has no venv module; install it (on Debian: apt-get install python3-venv) and run make again" >&2
        exit 2
    }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -e '.[dev]'
fi

if ! "$venv/bin/python" -m oilake.jobs.runtime.java_home >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "installing Java 17"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-17-jre-headless >/dev/null ||
            DEBIAN_FRONTEND=noninteractive apt-get install -y -qq openjdk-21-jre-headless >/dev/null
    else
        echo "no Java 17 or 21 was found; install one (on Debian: apt-get install openjdk-17-jre-headless)," >&2
        echo "or set JAVA_HOME to one, and run make again" >&2
        exit 2
    fi
fi

# spark-submit from this environment finds its Python, its Java and Delta's jars from any folder.
spark=$("$venv/bin/python" -c 'import pathlib, pyspark; print(pathlib.Path(pyspark.__file__).parent)')
mkdir -p "$spark/conf"
{
    echo "spark.pyspark.python $(cd "$venv/bin" && pwd)/python"
    echo "spark.jars $(pwd)/.jars/*.jar,$(pwd)/.jars/s3/*.jar"
} >"$spark/conf/spark-defaults.conf"
echo "JAVA_HOME=$("$venv/bin/python" -m oilake.jobs.runtime.java_home)" >"$spark/conf/spark-env.sh"
