"""The matrix of faults holds every job that may write tables, or says why not."""

from __future__ import annotations

import argparse
import importlib

from oilake.jobs import cli
from tests.support.cluster_faults import STRIKES
from tests.support.fault_matrix import CASES, FAULTS, JOBS, WITHOUT

OF_THE_GATEWAY = {"slow down", "driver between commits"}


def is_recorded(job: str) -> bool:
    """Whether runs of a job are in `job_runs`, its own or those of its subcommands."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"oilake.jobs.{job}").add_arguments(parser)
    actions = list(parser._actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            actions += [inner for subparser in action.choices.values() for inner in subparser._actions]
    return any("--metrics" in action.option_strings for action in actions)


def test_no_job_that_writes_is_forgotten():
    assert {*JOBS, *WITHOUT} == {job for job in cli.JOBS if is_recorded(job)}
    assert not JOBS.keys() & WITHOUT.keys()


def test_every_fault_can_be_made_and_befalls_a_job():
    assert {*STRIKES, *OF_THE_GATEWAY} == FAULTS.keys() == {fault for fault, _ in CASES}


def test_each_job_that_runs_without_executors_is_spared_what_befalls_them():
    assert {fault for fault, job in CASES if job == "check"} < {fault for fault, job in CASES if job == "ingest"}


def test_a_fault_that_spares_a_job_says_why():
    """Jobs by name need a reason why not the others; faults of all jobs have nobody to spare."""
    for name, fault in FAULTS.items():
        assert isinstance(fault.befalls, list) == bool(fault.others), name
        assert not isinstance(fault.befalls, list) or JOBS.keys() > set(fault.befalls), name
