"""docs/registry.md: its example is read, and it names every key."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import pytest

from oilake.conf import registry
from oilake.conf.chosen_files import chosen_files
from oilake.conf.registry import File, MaskArchives, Member, Release
from oilake.quality import suites
from oilake.schemas import release_registry

PAGE = (Path(__file__).parents[3] / "docs" / "registry.md").read_text()


def test_the_example_is_a_release(tmp_path: Path):
    folder = shutil.copytree(str(registry.packaged_registry()), tmp_path / "registry")
    (folder / "v8.yaml").write_text(re.findall("```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    release = release_registry.find_release("v8", str(folder))
    assert [(chosen.file.members[0].table, chosen.gives_rows) for chosen in chosen_files(release)] == [
        ("images", True), ("classes", True), ("boxes", True),
    ]  # fmt: skip


def test_every_source_of_boxes_is_one_that_the_table_promises(tmp_path: Path):
    """Else the rows of the page's own example would all be quarantined."""
    folder = shutil.copytree(str(registry.packaged_registry()), tmp_path / "registry")
    (folder / "v8.yaml").write_text(re.findall("```yaml\n(.*?)```", PAGE, re.DOTALL)[0])
    (promised,) = [e.kwargs["value_set"] for e in suites.load_suite("boxes").of("row") if e.name == "source_be_in_set"]
    for release in release_registry.load_releases(str(folder)).values():
        assert {source for sources in release.box_sources.values() for source in sources} <= set(promised), (
            release.release
        )


@pytest.mark.parametrize("kind", [Release, File, MaskArchives, Member])
def test_every_key_is_told(kind: type):
    keys = {field.name for field in dataclasses.fields(kind)}
    assert not {key for key in keys if f"`{key}`" not in PAGE}
