"""The commands that the bench types are ones that the jobs take, and each small answer has a script beside it."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

import pytest

from bench import kernel_profile, options, our_command, plot, small_answers, small_peer
from bench.work import WORK


def parse_words(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"oilake.jobs.{words[0]}").add_arguments(parser)
    return parser.parse_args(words[1:])


@pytest.mark.parametrize("answer", [answer for answer in small_answers.COMMANDS if answer not in ("version", "help")])
def test_a_small_answer_is_a_command_and_has_a_script(answer: str):
    assert parse_words(small_answers.COMMANDS[answer].split())
    assert answer in small_peer.ANSWERS


def test_every_script_has_a_command():
    assert {*small_peer.ANSWERS} == {*small_answers.COMMANDS}


@pytest.mark.parametrize("name", WORK)
def test_each_work_is_a_command_over_links_to_its_files(name: str, tmp_path: Path):
    (tmp_path / "source").mkdir()
    program, *words = our_command.prepare_command(name, tmp_path / "source", tmp_path / "out")
    arguments = parse_words(words)
    assert (program, arguments.warehouse) == (options.OILAKE, str(tmp_path / "out" / "warehouse"))
    if WORK[name].starts_at != "tables":
        links = {str(path.relative_to(arguments.landing)) for path in Path(arguments.landing).rglob("*.*")}
        assert links >= {*our_command.landed_paths(name)}


def test_steps_are_drawn_with_their_shares():
    drawn = plot.draw_bars("steps", {kernel_profile.STEPS[0].title: 1.0, "the rest": 3.0}, "s")
    assert "1.00 s, 25%" in drawn
    assert "3.00 s, 75%" in drawn
