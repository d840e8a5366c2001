"""The jars that Spark needs beside its own: which, where they lie, and how they come there."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args
from xml.etree.ElementTree import Element, SubElement, tostring

from oilake.conf.errors import ConfigError, StoreError
from oilake.conf.yaml_text import parse_yaml
from oilake.jobs.runtime import java_home

LONGEST_SECONDS = 600

JarGroup = Literal["delta", "s3"]
GROUPS: tuple[JarGroup, ...] = get_args(JarGroup)


def jar_checksums(group: JarGroup) -> dict[str, str]:
    """SHA-256 (lower-case hex) of every jar of a group, by organisation:name:version (conf/jars.yaml)."""
    path = files("oilake.conf") / "jars.yaml"
    checksums: dict[str, str] = parse_yaml(path.read_bytes(), str(path))[group]
    return checksums


def jar_path(folder: Path, group: JarGroup, jar: str) -> Path:
    """Where a jar lies in a folder of jars: those for S3 have one of their own, so that Spark loads them only when asked."""
    organisation, name, version = jar.split(":")
    return (folder if group == "delta" else folder / group) / f"{organisation}_{name}-{version}.jar"


def cache_folder() -> Path:
    """Where `oilake setup` puts the jars: in the user's cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oilake" / "jars"


def find_jars(folder: str | None, groups: Sequence[JarGroup] = ("delta",)) -> list[str]:
    """Paths of the jars of some groups: all that a configured `folder` holds of them; else those of a checkout's `.jars` or
    of the user's cache, the first of the two that lacks none. Empty without any, ConfigError where the configured folder
    has none."""
    if not groups:
        return []
    if folder:
        if configured := [
            str(path) for group in groups for path in sorted(jar_path(Path(folder), group, "::").parent.glob("*.jar"))
        ]:
            return configured
        raise ConfigError(f"{folder}: holds no jar; `oilake setup --to {folder}` brings them, or correct OILAKE_JARS")
    for place in (Path(__file__).resolve().parents[2] / ".jars", cache_folder()):
        paths = [jar_path(place, group, jar) for group in groups for jar in jar_checksums(group)]
        if all(path.is_file() for path in paths):
            return [str(path) for path in paths]
    return []


def bring_jars(folder: Path) -> list[Path]:
    """Brings the jars that `folder` lacks and returns their paths; each appears whole or not at all.

    ConfigError without a Java, StoreError when a jar cannot be had, is not the one whose SHA-256 is known, or the folder
    cannot be written.
    """
    checksums = {
        jar_path(folder, group, jar): (jar, sha256) for group in GROUPS for jar, sha256 in jar_checksums(group).items()
    }
    lacking = {path: wish for path, wish in checksums.items() if not path.is_file()}
    if not lacking:
        return []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as work:
            _resolve_jars([jar for jar, _ in lacking.values()], Path(work))
            return [_take_jar(Path(work) / path.name, path, sha256) for path, (_, sha256) in lacking.items()]
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be written ({error.strerror or error}); name another folder with --to"
        ) from None


def _take_jar(source: Path, target: Path, sha256: str) -> Path:
    if (actual := hashlib.sha256(source.read_bytes()).hexdigest()) != sha256:
        raise StoreError(
            f"{target.name}: its SHA-256 is {actual}, not {sha256} as conf/jars.yaml has it; ask whoever runs the Maven "
            "repository that this machine reaches"
        )
    target.parent.mkdir(exist_ok=True)
    return source.replace(target)


def _resolve_jars(jars: list[str], work: Path) -> None:
    """Spark's own resolver puts `jars` into `work`."""
    home = java_home.find()
    if not home:
        raise ConfigError(java_home.REMEDY)
    wish = work / "ivy.xml"
    wish.write_text(_ivy_file(jars), encoding="utf-8")
    call = [
        f"{home}/bin/java",
        "-jar",
        str(spark_jars("ivy-*.jar")[0]),
        "-cache",
        f"{work}/cache",
        "-m2compatible",
        "-ivy",
        str(wish),
    ]
    call += ["-retrieve", f"{work}/[organisation]_[artifact]-[revision].[ext]"]
    try:
        result = subprocess.run(call, capture_output=True, text=True, timeout=LONGEST_SECONDS)
        lines = result.stdout.splitlines()
    except subprocess.TimeoutExpired:
        lines = [f"no answer in {LONGEST_SECONDS} s"]
    shutil.rmtree(work / "cache", ignore_errors=True)
    if lacking := [jar for jar in jars if not jar_path(work, "delta", jar).is_file()]:
        reason = next(
            (line.strip(" \t:") for line in lines if "UNRESOLVED" in line or "Server access" in line), lines[-1]
        )
        raise StoreError(
            f"{lacking[0]}: cannot be fetched ({reason}); see that this machine reaches a Maven repository and run this "
            f"again, or copy {', '.join(jar_path(work, 'delta', jar).name for jar in lacking)} into the folder"
        )


def spark_jars(pattern: str = "*.jar") -> list[Path]:
    """The jars that Spark brings itself, those whose names fit a pattern."""
    spark = Path(str(find_spec("pyspark").origin)).parent  # type: ignore[union-attr]
    return list((spark / "jars").glob(pattern))


def _ivy_file(jars: list[str]) -> str:
    """What Ivy is asked for: each jar, and nothing that it depends on."""
    module = Element("ivy-module", version="2.0")
    SubElement(module, "info", organisation="oilake", module="jars")
    SubElement(SubElement(module, "configurations"), "conf", name="default")
    dependencies = SubElement(module, "dependencies")
    for organisation, name, version in (jar.split(":") for jar in jars):
        wish = {"org": organisation, "name": name, "rev": version, "transitive": "false", "conf": "default->master"}
        SubElement(dependencies, "dependency", wish)
    return tostring(module, encoding="unicode")
