"""What each fault of the matrix does to the lab when it strikes, and how it is mended afterwards."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count

import psutil

from tests.support.fault_lab import Lab, wait_until
from tests.support.fault_matrix import MatrixJob
from tests.support.s3_gateway import Misbehaviour, Trap
from tests.support.small_disks import FULL, ROOMY, resize_disk

OUTAGE = 10.0
STANDSTILL = 8.0
Mend = Callable[[], None]


def _kill_executor(lab: Lab, port: int) -> Mend:
    victim = lab.cluster.executors()[lab.executor_of(port)]
    family = [victim, *victim.children(recursive=True)]
    victim.kill()
    return lambda: wait_until(lambda: not any(map(_is_alive, family)), "the executor's Python ends with it")


def _kill_worker(lab: Lab, port: int) -> Mend:
    number = lab.executor_of(port)
    executor = lab.cluster.executors()[number]
    family = [executor, *executor.children(recursive=True)]
    lab.cluster.workers[number].kill()
    lab.cluster.workers[number].wait()

    def mend() -> None:
        wait_until(lambda: not any(map(_is_alive, family)), "the worker's executors end with it")
        lab.cluster.begin_worker(number)

    return mend


def _kill_driver(lab: Lab, port: int) -> Mend:
    lab.driver.kill()
    return lambda: wait_until(lambda: not is_left(lab), "nothing is left of the driver")


def _kill_java(lab: Lab, port: int) -> Mend:
    lab.driver.java().kill()

    def mend() -> None:
        lab.driver.end()
        wait_until(lambda: not is_left(lab), "nothing is left of the driver")

    return mend


def _stop_store(lab: Lab, port: int) -> Mend:
    behaviour, ends = lab.gateway.now, time.monotonic() + OUTAGE
    behaviour.is_away = True
    lab.server.end()

    def come_back() -> None:
        lab.server.begin()
        time.sleep(max(0.0, ends - time.monotonic()))
        behaviour.is_away = False

    thread = threading.Thread(target=come_back)
    thread.start()
    return thread.join


def _fill_disk(lab: Lab, port: int) -> Mend:
    work = lab.cluster.work(lab.executor_of(port))
    resize_disk(work, FULL)
    return lambda: resize_disk(work, ROOMY)


def _halt_executor(lab: Lab, port: int) -> Mend:
    executor = lab.cluster.executors()[lab.executor_of(port)]
    family = [executor, *executor.children(recursive=True)]
    _signal_all(family, signal.SIGSTOP)
    timer = threading.Timer(STANDSTILL, _signal_all, [family, signal.SIGCONT])
    timer.start()
    return timer.join


STRIKES: dict[str, Callable[[Lab, int], Mend]] = {
    "executor": _kill_executor,
    "worker": _kill_worker,
    "driver": _kill_driver,
    "java": _kill_java,
    "store stopped": _stop_store,
    "full disk": _fill_disk,
    "straggler": _halt_executor,
}


@contextmanager
def striking(lab: Lab, fault: str, job: MatrixJob, case: str) -> Iterator[Callable[[], None] | None]:
    """The fault happens while the block runs, once its time has come, and is mended at its end. Gives what is to be called
    behind each commit of the job, where the fault needs that."""
    refused = lab.gateway.refused
    with ExitStack() as mending:
        mending.callback(lab.gateway.behave)
        if fault == "slow down":
            lab.gateway.now = Misbehaviour(slow_every=10)
            yield None
            assert lab.gateway.refused > refused
        elif fault == "driver between commits":
            commits = count()
            yield lambda: _kill_behind(lab, job, next(commits) + 1, mending)
            assert next(commits) == job.killed_behind, "so many commits were not made"
        else:
            pattern = re.compile(job.strikes_at.format(case=case))
            trap = Trap(pattern, lambda port: _strike(lab, fault, port, mending))
            lab.gateway.now = Misbehaviour(trap=trap)
            yield None
            with trap.lock:
                assert trap.has_struck, f"{job.name}: {trap.failure or 'no request'} for {pattern.pattern}"


def _strike(lab: Lab, fault: str, port: int, mending: ExitStack) -> None:
    mending.callback(STRIKES[fault](lab, port))


def _kill_behind(lab: Lab, job: MatrixJob, commit: int, mending: ExitStack) -> None:
    if commit == job.killed_behind:
        mending.callback(_kill_driver(lab, 0))


def is_left(lab: Lab) -> bool:
    """Whether anything runs yet that belongs to a driver which is gone."""
    return any(map(_is_alive, [*lab.driver.family, *lab.cluster.processes()]))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _signal_all(family: list[psutil.Process], number: signal.Signals) -> None:
    for process in family:
        if _is_alive(process):
            process.send_signal(number)
