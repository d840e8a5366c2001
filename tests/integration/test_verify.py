"""Verify finds exactly the faults that were planted, wherever the blobs lie, and looks again only at what changed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from oilake.conf import registry
from oilake.conf.settings import Settings
from oilake.jobs.api import images_with_blobs
from oilake.jobs.blobs import blob_keys
from oilake.jobs.blobs.blob_status import BAD
from oilake.jobs.blobs.locations import locate_blobs
from oilake.jobs.ingest import ingest
from oilake.jobs.tables import checkpoint
from oilake.jobs.tables.replace_partition import replace_part
from oilake.jobs.tables.warehouse import Warehouse
from oilake.jobs.verifying import matching
from oilake.quality import row_expectations
from oilake.quality import suites as quality
from tests.conftest import Oilake
from tests.support import blobs, http_server, photos, table_readers
from tests.support.blobs import Planted
from tests.support.http_server import Stored
from tests.support.releases import image_id


@pytest.fixture(scope="module")
def planted() -> Planted:
    return blobs.planted(blobs.originals(), blobs.WITHOUT_MD5)


def arguments(blob_lake: str, place: Path | str, *more: str) -> tuple[str, ...]:
    return ("verify", "--release", "v3", "--blobs", str(place), "--warehouse", blob_lake, *more)


def statuses(blob_lake: str) -> dict[str, str]:
    return blobs.keys(table_readers.now(blob_lake, "blob_checks"))


def test_a_folder_is_verified_and_only_what_changed_is_looked_at_again(
    blob_lake: str, planted: Planted, oilake: Oilake, tmp_path: Path
):
    place = planted.in_folder(tmp_path / "blobs")
    code, out, err = oilake(*arguments(blob_lake, place, "--json"))
    told = json.loads(out)
    assert code == 1
    assert statuses(blob_lake) == planted.truth
    assert told["statuses"] == {s: list(planted.truth.values()).count(s) for s in set(planted.truth.values())}
    assert "missing 3, unreadable 3, not_an_image 3, placeholder 3, truncated 3, size_mismatch 3, md5_mismatch 3" in err
    shown = next(key for key, status in planted.truth.items() if status == "truncated")
    assert shown in told["shown"]["truncated"]
    before = {row["key"]: row for row in table_readers.now(blob_lake, "blob_checks")}
    changed = next(key for key, status in planted.truth.items() if status == "verified")
    (place / changed).write_bytes(blobs.HTML)
    (place / "README.txt").unlink()
    mended = next(key for key, status in planted.truth.items() if status == "missing")
    (place / mended).write_bytes(blobs.originals()[mended])
    code, out, _ = oilake(*arguments(blob_lake, place, "--json"))
    after = {row["key"]: row for row in table_readers.now(blob_lake, "blob_checks")}
    assert json.loads(out)["read"] == 2 + blobs.N  # and what could not be read before
    assert {key for key in before | after if before.get(key) != after.get(key)} == {
        changed,
        mended,
        "README.txt",
        *planted.links,
    }
    assert (after[changed]["status"], after[mended]["status"], code) == ("not_an_image", "verified", 1)


def test_a_second_run_changes_nothing_and_says_so(blob_lake: str, oilake: Oilake, tmp_path: Path):
    place = Planted(blobs.originals(), {}).in_folder(tmp_path / "blobs")
    code, out, _ = oilake(*arguments(blob_lake, place))
    assert code == 0
    assert "verified" in out
    assert "48 looked at" in out
    files = table_readers.files(blob_lake)
    code, out, _ = oilake(*arguments(blob_lake, place))
    assert code == 0
    assert "nothing changed" in out
    assert " 0 looked at" in out
    assert table_readers.files(blob_lake) == files
    assert "48 looked at" in oilake(*arguments(blob_lake, place, "--force"))[1]


def test_what_is_bad_is_downloaded_again_in_its_place_and_checked(
    blob_lake: str, planted: Planted, oilake: Oilake, tmp_path: Path
):
    whole = blobs.originals()
    flat = next(key for key, status in planted.truth.items() if status == "truncated")
    place, truth = planted.in_folder(tmp_path / "blobs"), dict(planted.truth)
    (place / flat).rename(place / Path(flat).name)
    truth[Path(flat).name] = truth.pop(flat)
    bad = [key for key, status in truth.items() if status in BAD]
    gone, lost = (next(key for key in bad if truth[key] == status) for status in ("missing", "md5_mismatch"))
    path = {key: f"/{photos.HOST}/{Path(key).stem}_o.jpg" for key in bad}
    with http_server.running() as server:
        for key in bad:
            server.files[path[key]] = Stored(whole[flat if key == Path(flat).name else key])
        server.files[photos.UNAVAILABLE] = Stored(photos.png())
        server.tricks[path[gone]].append(http_server.says(404))
        server.tricks[path[lost]].append(photos.lost)
        flags = ("--repair", "--mirror", server.url, "--allow-private", "--json")
        code, out, err = oilake(*arguments(blob_lake, place, *flags))
        told = json.loads(out)
        repaired = {key: "verified" if key in bad and key not in (gone, lost) else truth[key] for key in truth}
        assert (code, statuses(blob_lake)) == (1, repaired)
        brought = {"downloaded": len(bad) - 2, "not_found": 1, "placeholder": 1}
        assert (told["repair"]["statuses"], told["read"]) == (brought, len(bad) - 2)
        assert f"{len(bad)} blobs are bad, and are asked for again" in err
        assert (place / Path(flat).name).read_bytes() == whole[flat]
        server.seen.clear()
        only = tmp_path / "ids"
        only.write_text(Path(lost).stem)
        code, out, _ = oilake(*arguments(blob_lake, place, *flags, "--images", str(only)))
        assert (code, [seen.path for seen in server.seen]) == (1, [path[lost]]), "another image is bad still"
        assert oilake(*arguments(blob_lake, place, *flags))[0] == 0
        assert statuses(blob_lake) == {**repaired, gone: "verified", lost: "verified"}
        server.seen.clear()
        assert json.loads(oilake(*arguments(blob_lake, place, *flags))[1])["repair"] is None
        assert server.seen == []


@pytest.mark.parametrize("name", ["train_0.tar", "train_0.tar.gz"])
def test_a_tar_is_verified(name: str, blob_lake: str, planted: Planted, oilake: Oilake, tmp_path: Path):
    archive = planted.in_tar(tmp_path / name)
    code, out, _ = oilake(*arguments(blob_lake, archive, "--json"))
    assert statuses(blob_lake) == planted.of_tar()
    assert code == 1
    assert "is not mended in place" in oilake(*arguments(blob_lake, archive, "--repair"))[2]
    code, out, _ = oilake(*arguments(blob_lake, archive, "--json"))
    assert json.loads(out)["read"] == blobs.N
    assert statuses(blob_lake) == planted.of_tar()


@pytest.mark.parametrize("cut", [700, 20_000])
@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_a_tar_that_is_cut_is_refused_and_nothing_is_published(
    name: str, cut: int, blob_lake: str, planted: Planted, oilake: Oilake, tmp_path: Path
):
    archive = planted.in_tar(tmp_path / name)
    archive.write_bytes(archive.read_bytes()[:cut])
    before = table_readers.files(blob_lake)
    code, _, err = oilake(*arguments(blob_lake, archive))
    assert code == 2
    assert str(archive) in err
    assert "fetch the archive again" in err
    assert table_readers.files(blob_lake) == before


def test_an_image_that_stands_twice_in_a_tar_is_judged_twice(blob_lake: str, oilake: Oilake, tmp_path: Path):
    whole = blobs.originals()
    key = next(iter(whole))
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, data in [*whole.items(), (key.removeprefix("train/"), whole[key]), (key, whole[key][:-9])]:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    code, out, _ = oilake(*arguments(blob_lake, tmp_path / "a.tar", "--json"))
    assert code == 1
    assert json.loads(out)["statuses"] == {"verified": 47, "no_reference": 2, "truncated": 1}
    named = {name: status for name, status in statuses(blob_lake).items() if Path(key).stem in name}
    assert [status for _, status in sorted(named.items())] == ["verified", "verified", "truncated"]
    assert json.loads(oilake(*arguments(blob_lake, tmp_path / "a.tar", "--json"))[1])["read"] == 0


def test_the_origin_decides_what_is_resized_and_what_cannot_be_compared(blob_lake: str, oilake: Oilake, tmp_path: Path):
    whole = blobs.originals()
    small, large, cut, text, same = list(whole)[:5]
    whole |= {small: blobs.jpeg(1, 1024, 10), large: blobs.jpeg(2, 1025, 10), text: blobs.HTML}
    whole[cut] = whole[cut][:100]
    place = Planted(whole, {}).in_folder(tmp_path / "blobs")

    def found(*more: str) -> list[str]:
        oilake(*arguments(blob_lake, place, "--subset", "train", *more))
        now = statuses(blob_lake)
        return [now[key] for key in (small, large, cut, text, same)]

    assert found() == ["size_mismatch", "size_mismatch", "truncated", "not_an_image", "verified"]
    assert found("--origin", "cvdf") == ["resized", "size_mismatch", "truncated", "not_an_image", "verified"]
    assert found("--origin", "thumbnail") == [
        "not_comparable",
        "not_comparable",
        "truncated",
        "not_an_image",
        "verified",
    ]
    assert found("--method", "size")[-1] == "verified"
    assert found("--method", "size", "--force") == [
        "size_mismatch",
        "size_mismatch",
        "size_mismatch",
        "size_mismatch",
        "size_matches",
    ]


def test_what_was_not_asked_for_keeps_its_rows(blob_lake: str, planted: Planted, oilake: Oilake, tmp_path: Path):
    place = planted.in_folder(tmp_path / "blobs")
    oilake(*arguments(blob_lake, place))
    one = image_id(3, "test")
    (tmp_path / "ids").write_text(f"{image_id(2, 'test')}\n\n{one}\n")
    (place / f"test/{one}.jpg").unlink()
    (place / f"train/{image_id(38)}.jpg").unlink()
    code, out, _ = oilake(*arguments(blob_lake, place, "--images", str(tmp_path / "ids"), "--json"))
    assert code == 1
    assert (json.loads(out)["expected"], json.loads(out)["read"]) == (2, 0)
    assert statuses(blob_lake) == {**planted.truth, f"test/{one}.jpg": "missing"}
    assert oilake(*arguments(blob_lake, place, "--subset", "validation", "--json"))[0] == 1  # train still has faults
    assert statuses(blob_lake) == {**planted.truth, f"test/{one}.jpg": "missing"}


def test_flat_folders_and_other_endings_are_images_too(blob_lake: str, oilake: Oilake, tmp_path: Path):
    whole = {Path(key).name.replace(".jpg", ".jpeg"): data for key, data in blobs.originals().items()}
    code, out, _ = oilake(*arguments(blob_lake, Planted(whole, {}).in_folder(tmp_path / "flat"), "--json"))
    assert code == 0
    assert json.loads(out)["statuses"] == {"verified": 46, "no_reference": 2}


def test_images_that_other_tools_fetched_are_found_and_each_of_their_blobs_is_judged_and_repaired(
    blob_lake: str, oilake: Oilake, tmp_path: Path
):
    whole = blobs.originals()
    laid, truth = dict[str, bytes](), dict[str, str]()
    folders = ("{subset}/data/{id}.jpg", "{subset}/Polar bear/{ID}.JPEG", "{id}.png", "deep/er/{subset}_0/{id}.JPG")
    for n, (key, data) in enumerate(whole.items()):
        subset, image = key.split("/")[0], Path(key).stem
        name = folders[n % len(folders)].format(subset=subset, id=image, ID=image.upper())
        laid[name], truth[name] = data, "no_reference" if key in blobs.WITHOUT_MD5 else "verified"
    twice = image_id(0)
    for name, data, status in (
        (f"train/Cat/{twice}.jpg", whole[f"train/{twice}.jpg"][:-9], "truncated"),
        (f"train/Cat/{twice}.png", blobs.HTML, "not_an_image"),
        (f"test/Dog/{twice}.webp", whole[f"train/{twice}.jpg"], "verified"),
        (f"train/Dog/Label/{twice}.txt", b"Dog 1 2 3 4", "unexpected"),
        ("train/metadata/classes.csv", b"/m/0bt9lr,Dog", "unexpected"),
        ("info.json", b"{}", "unexpected"),
    ):
        laid[name], truth[name] = data, status
    place = Planted(laid, {}).in_folder(tmp_path / "blobs")
    for name, status in (("loop", "unexpected"), (f"train/Cat/{image_id(1)}.jpg", "unreadable")):
        os.symlink(Path(name).name, place / name)
        truth[name] = status
    code, _, err = oilake(*arguments(blob_lake, place))
    assert (code, statuses(blob_lake)) == (1, truth), err
    notes = {row["key"]: (row["note"], row["subset"]) for row in table_readers.now(blob_lake, "blob_checks")}
    assert notes[f"test/Dog/{twice}.webp"] == ("it lies in a folder of test, its image is of train", "train")
    assert notes["loop"][0] == "Too many levels of symbolic links"
    found = images_with_blobs("v3", str(place), blob_lake).select("image_id", "blob_status").collect()
    assert len(found) == len(whole), "one row an image"
    assert {row["blob_status"] for row in found} == {"verified", "no_reference"}, "the best of its blobs counts"
    assert json.loads(oilake(*arguments(blob_lake, place, "--json"))[1])["read"] == 1, "what could not be read before"
    with http_server.running() as server:
        for key in (f"train/{twice}.jpg", f"train/{image_id(1)}.jpg"):
            server.files[f"/{photos.HOST}/{Path(key).stem}_o.jpg"] = Stored(whole[key])
        flags = ("--repair", "--mirror", server.url, "--allow-private", "--json")
        code, out, err = oilake(*arguments(blob_lake, place, *flags))
    bad = [key for key, status in truth.items() if status in BAD]
    assert (code, json.loads(out)["repair"]["statuses"]) == (0, {"downloaded": 3}), err
    assert statuses(blob_lake) == {**truth, **dict.fromkeys(bad, "verified")}
    assert {place.joinpath(key).read_bytes() for key in bad[:2]} == {whole[f"train/{twice}.jpg"]}
    written = table_readers.now(blob_lake, "downloads")
    assert sorted(row["key"] for row in written) == sorted(bad)
    for expectation in quality.load_suite("downloads").expectations:
        if expectation.kwargs.get("column") in written[0]:
            rows = pa.table({name: [row[name] for row in written] for name in written[0]})
            assert row_expectations.passing_rows(expectation.rule, rows).all(), expectation.description


def test_a_row_of_no_image_makes_room_when_its_image_is_asked_for(blob_lake: str, oilake: Oilake, tmp_path: Path):
    """As an earlier version left them for names that it could not read, or as an image that was not of the release yet."""
    whole = blobs.originals()
    one, other = image_id(0), image_id(1)
    laid = {f"x/{image}.jpg": whole[f"train/{image}.jpg"] for image in (one, other)}
    place = Planted(laid, {}).in_folder(tmp_path / "blobs")
    with monkeypatched(blob_keys, "image_id_in_key", lambda key: None):
        oilake(*arguments(blob_lake, place))
    assert statuses(blob_lake)[f"x/{one}.jpg"] == statuses(blob_lake)[f"x/{other}.jpg"] == "unexpected"
    (tmp_path / "ids").write_text(one)
    oilake(*arguments(blob_lake, place, "--images", str(tmp_path / "ids")))
    assert (statuses(blob_lake)[f"x/{one}.jpg"], statuses(blob_lake)[f"x/{other}.jpg"]) == ("verified", "unexpected")


@contextmanager
def monkeypatched(module: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, value)
        yield


def test_special_files_and_loops_are_no_trap(blob_lake: str, oilake: Oilake, tmp_path: Path):
    place = Planted(blobs.originals(), {}).in_folder(tmp_path / "blobs")
    key = next(iter(blobs.originals()))
    (place / key).unlink()
    os.mkfifo(place / key)
    os.symlink(place, place / "train" / "again")
    (place / "other").mkdir()
    with open(os.fsencode(place / "other") + b"/\xff\n.jpg", "wb") as file:
        file.write(b"x")
    code, out, _ = oilake(*arguments(blob_lake, place, "--json"))
    assert code == 1
    assert json.loads(out)["statuses"] == {"verified": 45, "unreadable": 1, "no_reference": 2, "unexpected": 2}
    assert (statuses(blob_lake)["other/\\xff\n.jpg"], statuses(blob_lake)["train/again"]) == (
        "unexpected",
        "unexpected",
    )


def test_a_placeholder_is_known_by_its_md5(blob_lake: str, oilake: Oilake, tmp_path: Path):
    whole = blobs.originals()
    lost = next(iter(whole))
    whole[lost] = blobs.jpeg(77)
    place = Planted(whole, {}).in_folder(tmp_path / "blobs")
    listed = tmp_path / "placeholders.yaml"
    listed.write_text(f"md5s: ['{hashlib.md5(whole[lost]).hexdigest()}']\nat_most_bytes: {{}}\n")
    oilake(*arguments(blob_lake, place, "--placeholders", str(listed)))
    assert statuses(blob_lake)[lost] == "placeholder"
    listed.write_text("md5s: ['no']\nat_most_bytes: {}\n")
    assert oilake(*arguments(blob_lake, place, "--placeholders", str(listed)))[0] == 2


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--blobs", "/nowhere/at/all"), "no such folder or archive"),
        (("--blobs", "http://127.0.0.1/x"), "takes a folder"),
        (("--blobs", "s3://user:secret@bucket/x"), "must be plain"),
        (("--blobs", "s3://bucket/x.tar"), "fetch it"),
        (("--blobs", "/", "--method", "etag"), "only S3 has ETags"),
        (("--blobs", "/", "--images", "/nowhere/ids"), "cannot be read (No such file or directory)"),
        (("--blobs", "/", "--release", "v2"), "is not published"),
        (("--blobs", "/", "--allow-private"), "--allow-private is of --repair"),
        (("--blobs", "/", "--repair", "--quality", "50"), "give --resize too"),
        (("--blobs", "/", "--repair", "--mirror", "file:///etc"), "--mirror takes"),
    ],
)
def test_what_is_called_wrongly_is_told_in_one_sentence(
    more: tuple[str, ...], told: str, blob_lake: str, oilake: Oilake
):
    code, out, err = oilake("verify", "--release", "v3", "--warehouse", blob_lake, *more)
    assert (code, out) == (2, "")
    assert told in err
    assert "secret" not in err
    assert err.count("\n") == 1


def test_ids_that_are_none_are_refused(blob_lake: str, oilake: Oilake, tmp_path: Path):
    (tmp_path / "ids").write_text(f"{image_id(1)}\nnonsense\n")
    code, _, err = oilake(*arguments(blob_lake, tmp_path, "--images", str(tmp_path / "ids")))
    assert code == 2
    assert "line 2: 'nonsense'" in err
    (tmp_path / "ids").write_text(f"{image_id(123)}\n")
    assert "is no image of v3" in oilake(*arguments(blob_lake, tmp_path, "--images", str(tmp_path / "ids")))[2]


def test_images_are_filtered_by_what_became_of_their_blobs(blob_lake: str, oilake: Oilake, tmp_path: Path):
    whole = blobs.originals()
    lost, bad = list(whole)[:2]
    place = Planted({**{k: v for k, v in whole.items() if k != lost}, bad: blobs.HTML}, {}).in_folder(
        tmp_path / "blobs"
    )
    oilake(*arguments(blob_lake, place))
    found = images_with_blobs("v3", str(place), blob_lake)
    counts = {row["blob_status"]: row["count"] for row in found.groupBy("blob_status").count().collect()}
    assert counts == {"verified": 44, "no_reference": 2, "missing": 1, "not_an_image": 1}
    oilake(*arguments(blob_lake, Planted({lost: whole[lost]}, {}).in_folder(tmp_path / "more"), "--subset", "train"))
    anywhere = {row["image_id"]: row["blob_location"] for row in images_with_blobs(warehouse=blob_lake).collect()}
    assert anywhere[Path(lost).stem] == str(tmp_path / "more")
    shown = ("show", "images", "--blobs", str(place), "--where", "blob_status = 'verified'", "--limit", "50", "--json")
    _, out, _ = oilake(*shown, "--warehouse", blob_lake)
    assert len(out.splitlines()) == 44
    assert oilake("show", "labels", "--blobs", "--warehouse", blob_lake)[0] == 2


def test_a_check_against_another_md5_counts_no_longer(
    blob_lake: str, settings: Settings, oilake: Oilake, tmp_path: Path
):
    whole = blobs.originals()
    first = next(iter(whole))
    place = Planted(whole, {}).in_folder(tmp_path / "blobs")
    oilake(*arguments(blob_lake, place))
    landing = blobs.release(tmp_path / "landing", {**whole, first: blobs.jpeg(5000)}, blobs.WITHOUT_MD5)
    ingest(replace(settings, landing=str(landing), warehouse=blob_lake), registry.find_release("v3"))
    frame = images_with_blobs("v3", str(place), blob_lake)
    assert [row["image_id"] for row in frame.where("blob_status IS NULL").collect()] == [Path(first).stem]
    _, out, _ = oilake(*arguments(blob_lake, place, "--json"))
    assert json.loads(out)["read"] == 0, "what is known is judged again, not read again"
    assert statuses(blob_lake)[first] in ("size_mismatch", "md5_mismatch")


def test_an_interrupted_run_is_gone_on_with(
    blob_lake: str, oilake: Oilake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    place = Planted(blobs.originals(), {}).in_folder(tmp_path / "blobs")
    monkeypatch.setattr(matching, "WAVE_BLOBS", 10)
    monkeypatch.setattr(matching, "BATCH", 10)
    noted, write = [], checkpoint.write_note

    def interrupted(*what: Any) -> None:
        write(*what)
        noted.append(what)
        if len(noted) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "write_note", interrupted)
    assert oilake(*arguments(blob_lake, place))[0] == 130
    assert table_readers.now(blob_lake, "blob_checks") == []
    monkeypatch.setattr(checkpoint, "write_note", write)
    _, out, _ = oilake(*arguments(blob_lake, place, "--json"))
    told = json.loads(out)
    assert told["read"] < 48 - 10
    assert told["statuses"] == {"verified": 46, "no_reference": 2}
    committed = {Path(path).name for path in DeltaTable(f"{blob_lake}/blob_checks").file_uris()}
    assert {Path(path).name for path in table_readers.files(blob_lake) if path.startswith("blob_checks")} == committed
    assert not list(Path(blob_lake, "blob_checks", "_unfinished").glob("*"))


def test_two_runs_at_once_do_not_mix(blob_lake: str, oilake: Oilake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    place = Planted(blobs.originals(), {}).in_folder(tmp_path / "blobs")
    part = {"release": "v3", "location_id": locate_blobs(str(place)).id}
    write = checkpoint.write_note

    def meanwhile(*what: Any) -> None:
        write(*what)
        replace_part(Warehouse.at(blob_lake), "blob_checks", part, [], 0, "another")

    monkeypatch.setattr(checkpoint, "write_note", meanwhile)
    code, _, err = oilake(*arguments(blob_lake, place))
    assert code == 2
    assert "another run has replaced the same rows" in err


@pytest.mark.slow
def test_memory_is_that_of_one_chunk_for_a_blob_of_two_gigabytes(tmp_path: Path):
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(2 << 30)
    code = (
        "import resource, sys; from oilake.jobs.blobs.records import Blob; from oilake.jobs.blobs import reader as reading; "
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss; before = used(); "
        "found, = reading._files([Blob('x', sys.argv[1], 0, '')]); print(found.size, used() - before)"
    )
    called = [sys.executable, "-c", code, str(tmp_path / "huge")]
    out = subprocess.run(called, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]).stdout
    size, kilobytes = map(int, out.split())
    assert size == 2 << 30
    assert kilobytes < 16_000
