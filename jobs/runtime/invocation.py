"""How this process was called, so that what a sentence tells a person to run next can be pasted as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from argparse import Namespace
from importlib.resources import files
from pathlib import Path

COMMAND = re.compile(r"`oilake (?P<job>[a-z]+)(?P<words>[^`]*)`")
PLACES = re.compile(r"add_places\(\w+, (?P<names>[^)]*)\)")
FLAGS = ("env", "warehouse", "landing", "registry")


def spell_commands(text: str, arguments: Namespace) -> str:
    """`text` with each `oilake JOB …` in backticks spelled as this process was called, with the places that its own flags
    gave and JOB takes too."""
    return COMMAND.sub(lambda match: f"`{_spell_command(match['job'], match['words'], arguments)}`", text)


def job_program(job: str) -> str:
    """What runs `job` from here: `oilake JOB` by its shortest name, or the job's file beside the one that runs."""
    called = Path(sys.argv[0])
    if called.name == "oilake":
        on_path = shutil.which("oilake")
        same = on_path is not None and called.exists() and Path(on_path).samefile(called)
        return f"{'oilake' if same else shlex.quote(str(called))} {job}"
    if called.parent.name == "jobs" and called.suffix == ".py" and called.name != "cli.py":
        return f"spark-submit {shlex.quote(str(called.with_name(f'{job}.py')))}"
    return f"oilake {job}"


def _spell_command(job: str, words: str, arguments: Namespace) -> str:
    taken = _place_flags(job)
    flag_values = {flag: getattr(arguments, flag, None) for flag in FLAGS if flag in taken}
    places = [
        f" --{flag} {shlex.quote(value)}" for flag, value in flag_values.items() if value and f"--{flag}" not in words
    ]
    return job_program(job) + words + "".join(places)


def _place_flags(job: str) -> set[str]:
    """Which of FLAGS the job takes, read from its file: importing it would cost a second."""
    path = files("oilake.jobs").joinpath(f"{job}.py")
    match = PLACES.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    return {"env", *re.findall(r"[a-z]+", match["names"])} if match else set()
