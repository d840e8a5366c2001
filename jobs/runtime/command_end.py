"""How the process of a command ends: by one sentence and an exit code, before its job has begun and after it as well.

Only the standard library is imported here, and little of it: until this has run, Ctrl-C ends in a stack trace.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

INTERRUPTED = 130
UNUSABLE = 2


def run_command(work: Callable[[], int]) -> int:
    """The exit code of `work`, once all that it printed is written; where that cannot be, 2 and a sentence. A reader of its
    output who leaves early ends nothing.

    `work` says by `begin_job` from when on Ctrl-C is its own; until then nothing is made that could be garbage.
    """
    codes: list[int] = []
    atexit.register(_leave_process, codes)  # the first to be registered is called last
    gc.disable()
    _replace_closed_streams()
    signal.signal(signal.SIGINT, _end_before_job)
    try:
        code = _flushed_code(work)
    except KeyboardInterrupt:
        code = _tell_end("interrupted", INTERRUPTED)
    except BrokenPipeError:
        code = 0
    except OSError as error:
        code = _tell_end(unwritable_sentence(error), UNUSABLE)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that could be interrupted
    drop_output()
    codes.append(code)
    return code


def unwritable_sentence(error: OSError) -> str:
    """Word that nothing can be printed, and why."""
    return f"the output cannot be written ({error.strerror}); give it another place"


def begin_job() -> None:
    """Gives Ctrl-C back to Python, which raises KeyboardInterrupt in what runs; from here on garbage is collected."""
    gc.enable()
    if signal.getsignal(signal.SIGINT) is _end_before_job:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _flushed_code(work: Callable[[], int]) -> int:
    try:
        return work()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    finally:
        sys.stdout.flush()


def _leave_process(codes: Sequence[int]) -> None:
    """Ends the process once its threads and what is called at an exit have ended; Python would take apart all that is
    loaded first, which takes a tenth of a small answer."""
    if codes:
        drop_output()
        os._exit(codes[-1])


def _end_before_job(_signal: int, _frame: FrameType | None) -> None:
    """Ends the process at once: imports that are interrupted on their way would tell of it in a stack trace."""
    os._exit(_tell_end("interrupted before the job began", INTERRUPTED))


def _tell_end(sentence: str, code: int) -> int:
    with suppress(OSError):
        os.write(2, f"oilake: {sentence}\n".encode())
    return code


def _replace_closed_streams() -> None:
    """Stands in for a stream that the process was started without."""
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def drop_output() -> None:
    """Let what could not be written go, or Python would try, and tell of it, once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
