"""However early or late a command is ended, and wherever its output goes: one sentence at most, an exit code, no trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.lengthy

# Presses Ctrl-C as soon as a module is about to be imported.
PRESSED = """
import os, signal, sys
module = sys.argv.pop(1)
class Finder:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == module:
            os.kill(os.getpid(), signal.SIGINT)
from oilake.jobs import cli
sys.meta_path.insert(0, Finder)
assert module not in sys.modules
sys.exit(cli.main())
"""


def called(*words: str, shell: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "oilake.jobs.cli", *words]
    if shell:
        return subprocess.run(["bash", "-c", f'"$@" {shell}', "bash", *command], capture_output=True, text=True)
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("module", "sentence", "words"),
    [
        ("oilake.jobs.operations.watched_job", "interrupted before the job began", ()),
        ("rich_argparse", "interrupted before the job began", ("--help",)),
        ("oilake.jobs.releases", "interrupted before the job began", ()),
        ("oilake.jobs.runtime.error_text", "interrupted", ()),
    ],
)
def test_ctrl_c_is_a_sentence_at_any_time(tmp_path: Path, module: str, sentence: str, words: tuple[str, ...]) -> None:
    words = ("releases", "--registry", str(tmp_path / "none"), *words)
    done = subprocess.run([sys.executable, "-c", PRESSED, module, *words], capture_output=True, text=True)
    assert done.returncode == 130
    (line,) = done.stderr.splitlines()[-1:]
    assert line.startswith(f"oilake: {sentence}")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [("--help",), ("--version",), ("show", "--help"), ("releases",)])
def test_output_that_cannot_be_written_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    done = called(*words, shell="> /dev/full")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line == "oilake: the output cannot be written (No space left on device); give it another place"


@pytest.mark.parametrize("words", [("--help",), ("releases", "--json")])
def test_who_reads_no_further_ends_nothing(words: tuple[str, ...]) -> None:
    done = called(*words, shell="| head -c 1; exit ${PIPESTATUS[0]}")
    assert (done.returncode, len(done.stdout), done.stderr) == (0, 1, "")
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        command = [sys.executable, "-m", "oilake.jobs.cli", *words]
        nobody = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True)
    assert (nobody.returncode, nobody.stderr) == (0, "")


@pytest.mark.parametrize("shell", [">&-", "2>&-", ">&- 2>&-", "2> /dev/full"])
def test_a_stream_that_is_closed_changes_no_exit_code(shell: str) -> None:
    assert called("releases", shell=shell).returncode == 0
    assert called("show", "lables", shell=shell).returncode == 2


def test_threads_and_what_is_registered_for_the_exit_end_before_the_process_whose_modules_are_left() -> None:
    program = (
        "import atexit, sys, threading, time\nfrom oilake.jobs.runtime import command_end\n"
        "class Torn:\n    def __del__(self): print('torn')\nkept = Torn()\nkept.itself = kept\n"
        "def work():\n    atexit.register(print, 'registered')\n"
        "    threading.Thread(target=lambda: (time.sleep(0.2), print('thread'))).start()\n    return 3\n"
        "sys.exit(command_end.run_command(work))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "thread\nregistered\n", "")
