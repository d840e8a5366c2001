"""The sample's photos: what images.csv says of them is true, and what is wrong with them at rest is told."""

from __future__ import annotations

import base64
import hashlib
import io
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from PIL import Image

from oilake.jobs.synthetic import serve
from tests.support import sample_reading as reading
from tests.support.samples import write_sample
from tests.unit.synthetic.test_sample import SMALL, contents, truth

pytestmark = pytest.mark.lengthy

FAULTS = {"missing", "placeholder", "changed", "truncated", "empty"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("photos") / "sample", "--scale", str(SMALL))


def test_sizes_and_md5s_of_images_csv_are_those_of_real_jpegs(sample: Path):
    told = {(row["subset"], row["image_id"]): row for row in truth(sample, "photos.csv")}
    listed = {
        (row["Subset"], row["ImageID"]): row
        for subset in reading.SUBSETS["v3"]
        for row in reading.rows(sample, "v3", "images", subset)
    }
    assert len(told) == 300
    for image, row in told.items():
        published = listed[image]
        assert (published["OriginalURL"], published["OriginalSize"]) == (row["url"], row["bytes"])
        assert base64.b64decode(published["OriginalMD5"]).hex() == row["md5"]
        path = sample / "photos" / row["subset"] / f"{row['image_id']}.jpg"
        if row["fault"]:
            assert not path.exists() or hashlib.md5(path.read_bytes()).hexdigest() != row["md5"]
            continue
        data = path.read_bytes()
        assert (len(data), hashlib.md5(data).hexdigest()) == (int(row["bytes"]), row["md5"])
        with Image.open(io.BytesIO(data)) as image_:
            image_.load()
            assert str(image_.getexif()[0x0112]) == row["orientation"]
    assert len({row["orientation"] for row in told.values()}) > 3
    assert {row["fault"] for row in told.values()} == {"", *FAULTS}
    assert (sample / "photos.txt").read_text().split() == [f"{subset}/{image}" for subset, image in told]


def test_another_sample_in_the_same_folder_leaves_no_photo_of_the_first(sample: Path, tmp_path: Path):
    again = write_sample(tmp_path / "again", "--scale", str(SMALL), "--seed", "3")
    assert not set(contents(again / "photos")) & set(contents(sample / "photos"))
    assert contents(write_sample(again, "--scale", str(SMALL))) == contents(sample)


def test_the_server_plays_the_hosts_of_the_sample(sample: Path):
    by_fault = {row["fault"]: row for row in truth(sample, "photos.csv")}
    with serve.serving(sample) as url:

        def asked(fault: str) -> tuple[str, bytes]:
            with urllib.request.urlopen(by_fault[fault]["url"].replace("https:/", url)) as answer:
                return answer.url, answer.read()

        assert hashlib.md5(asked("")[1]).hexdigest() == by_fault[""]["md5"]
        assert asked("placeholder")[0].endswith("/photo_unavailable.png")
        assert len(asked("truncated")[1]) < int(by_fault["truncated"]["bytes"])
        with pytest.raises(urllib.error.HTTPError, match="404"):
            asked("missing")


def test_a_command_is_given_the_mirrors_address(sample: Path, capfd: pytest.CaptureFixture[str]):
    assert serve.main([str(sample), "sh", "-c", "echo {url}; exit 7"]) == 7
    assert capfd.readouterr().out.startswith("http://127.0.0.1:")
