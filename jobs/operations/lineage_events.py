"""OpenLineage's events of one run: what it read and wrote, with schemas, versions, counts and what checks found.

The library is an extra (`pip install open-images-lakehouse[lineage]`); whoever imports this module has asked for it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    InputDatasetFacet,
    RunFacet,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    processing_engine_run,
    schema_dataset,
    tags_run,
)

from oilake.conf.settings import Settings
from oilake.jobs.operations.run_record import RunRecord
from oilake.jobs.runtime.code_version import project_version
from oilake.jobs.runtime.filesystem import join_uri
from oilake.jobs.runtime.run_events import TableJudged, TableWritten
from oilake.quality.results import Result
from oilake.schemas import loader as schemas

PRODUCER = "urn:open-images-lakehouse"
RUN_NAMES = uuid.UUID("6f0c3e5a-6b0e-5d52-9d3c-0a1f8f6b7c21")
CHECK = "check"
SEVERITIES = {"critical": "error", "warning": "warn"}
Assertions = data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet


def start_event(record: RunRecord, settings: Settings) -> RunEvent:
    """The event of a run that begins."""
    return _run_event(record, settings, RunState.START, record.started_at.isoformat())


def end_event(record: RunRecord, settings: Settings) -> RunEvent:
    """The event of a run that has ended, with all that it read and wrote."""
    assert record.ended_at is not None
    states = {"done": RunState.COMPLETE, "interrupted": RunState.ABORT}
    event = _run_event(record, settings, states.get(record.outcome or "", RunState.FAIL), record.ended_at.isoformat())
    event.inputs, event.outputs = _input_datasets(record, settings), _output_datasets(record, settings)
    return event


def event_run_id(run_id: str) -> str:
    """The UUID by which OpenLineage knows a run: always the same for a `run_id`, which its tags hold too."""
    return str(uuid.uuid5(RUN_NAMES, run_id))


def _run_event(record: RunRecord, settings: Settings, state: RunState, when: str) -> RunEvent:
    tags = {"run_id": record.run_id, "releases": ",".join(record.releases)}
    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(project_version(), "oilake"),
        "tags": tags_run.TagsRunFacet(
            [tags_run.TagsRunFacetFields(key, value, "oilake") for key, value in tags.items()]
        ),
    }
    if record.message:
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(record.message, "PYTHON")
    job = Job(
        settings.lineage.namespace, record.job, {"jobType": job_type_job.JobTypeJobFacet("BATCH", "OILAKE", "JOB")}
    )
    run = Run(event_run_id(record.run_id), facets)
    return RunEvent(eventTime=when, run=run, job=job, producer=PRODUCER, eventType=state)


def _input_datasets(record: RunRecord, settings: Settings) -> list[InputDataset]:
    """Landed files, tables that publications were made from, and, of a check, tables that were judged."""
    datasets: list[InputDataset] = []
    versions: dict[str, dict[str, None]] = {}
    for event in record.inputs:
        if event.are_files:
            datasets += [InputDataset(*dataset_name(uri)) for uri in event.names]
            continue
        for name, version in event.names.items():
            versions.setdefault(name.partition(" of ")[0], {})[version] = None
    judged = _judged_by_table(record) if record.job == CHECK else {}
    for table in versions.keys() | judged.keys():
        facets = _table_facets(table, [*versions.get(table, ())])
        found: dict[str, InputDatasetFacet] = {}
        if table in judged:
            found["dataQualityAssertions"] = Assertions(list(_assertions(judged[table])))
        datasets.append(InputDataset(*_table_name(settings, table), facets=facets, inputFacets=found))
    return sorted(datasets, key=lambda dataset: (dataset.namespace, dataset.name))


def _output_datasets(record: RunRecord, settings: Settings) -> list[OutputDataset]:
    """Tables that were written, and those that a gate judged, also where it refused them."""
    judged = _judged_by_table(record) if record.job != CHECK else {}
    datasets = []
    for table in sorted({event.table for event in record.written} | judged.keys()):
        written = [event for event in record.written if event.table == table]
        facets = _table_facets(table, [str(event.version) for event in written if event.version is not None])
        if table in judged:
            facets["dataQualityAssertions"] = Assertions(list(_assertions(judged[table])))
        datasets.append(
            OutputDataset(
                *_table_name(settings, table),
                facets=facets,
                outputFacets={"outputStatistics": _written_statistics(written)},
            )
        )
    return datasets


def _written_statistics(
    written: Sequence[TableWritten],
) -> output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet:
    rows, size, files = (sum(getattr(event, name) for event in written) for name in ("rows", "bytes", "files"))
    return output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rows, size, files)


def _judged_by_table(record: RunRecord) -> Mapping[str, list[TableJudged]]:
    by_table: dict[str, list[TableJudged]] = {}
    for event in record.judged:
        by_table.setdefault(event.table, []).append(event)
    return by_table


def _assertions(judged: Sequence[TableJudged]) -> Iterator[data_quality_assertions_dataset.Assertion]:
    """What was found of each promise; of a table with several releases for each of them. No example of a row goes out."""
    for event in judged:
        params = {name: value for name, value in (("release", event.release), ("since", event.since)) if value}
        for result in event.results:
            yield data_quality_assertions_dataset.Assertion(
                result.type,
                result.success,
                result.columns[0] if len(result.columns) == 1 else None,
                SEVERITIES.get(result.severity, "info"),
                result.expectation,
                result.description,
                actual=_actual(result),
                params=dict(params),
            )


def _actual(result: Result) -> str | None:
    return str(result.unexpected_count) if result.observed is None else result.observed


def _table_facets(table: str, versions: Sequence[str]) -> dict[str, Any]:
    schema = schemas.table_schema(table)
    fields = [
        schema_dataset.SchemaDatasetFacetFields(column.name, column.type, column.description, number)
        for number, column in enumerate(schema.columns, 1)
    ]
    facets: dict[str, Any] = {"schema": schema_dataset.SchemaDatasetFacet(fields)}
    if versions:
        facets["version"] = dataset_version_dataset.DatasetVersionDatasetFacet(", ".join(versions))
    return facets


def _table_name(settings: Settings, table: str) -> tuple[str, str]:
    return dataset_name(join_uri(settings.warehouse, table))


def dataset_name(uri: str) -> tuple[str, str]:
    """(namespace, name) as OpenLineage calls what is at a path or URI."""
    if "://" not in uri:
        return "file", uri
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.lstrip("/")
