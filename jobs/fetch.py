"""Brings a release's files into the landing area: HTTP(S), S3 or a local folder, resumed, retried and checked."""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from threading import Event

from oilake.conf.chosen_files import ALL_FILES
from oilake.conf.errors import ConfigError, InputError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.fetching import byte_bar, locations, plan, results, s3_landing, transfer
from oilake.jobs.fetching.locations import FetchRequest
from oilake.jobs.fetching.plan import PlanContext, PlannedFetch
from oilake.jobs.fetching.results import FetchResult
from oilake.jobs.fetching.transfer import TransferContext
from oilake.jobs.runtime import options, run_events
from oilake.jobs.runtime.filesystem import is_on_s3
from oilake.jobs.runtime.printing import print_text
from oilake.jobs.runtime.progress import log_line
from oilake.jobs.transport.source import Source
from oilake.jobs.transport.thread_pool import work_in_threads
from oilake.schemas import release_registry

EVERYTHING = FetchRequest()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    places = "a folder, an http(s) URL or s3://bucket/prefix with the files as <from>/<tag>/<file>, as they will lie in"
    options.add_release(parser, "release to fetch, such as v3", required=True)
    parser.add_argument(
        "--from", dest="base", metavar="PLACE", help=f"{places} the landing area (default: the registry's)"
    )
    parser.add_argument("--file", action="append", metavar="NAME", help="only this file (may be repeated)")
    options.add_choice(parser)
    parser.add_argument(
        "--masks", action="store_true", help="the zips of the masks' PNGs and nothing else: 4.7 GB, 0.06 of validation"
    )
    options.add_places(parser, "landing", "warehouse", "registry")
    parser.add_argument(
        "--check", action="store_true", help="ask whether fetched files have changed since, and fetch those"
    )
    options.add_accept_changed(parser)
    parser.add_argument("--json", action="store_true", help="print the list of files as JSON")
    options.add_metrics(parser)


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = release_registry.find_release(arguments.release, settings.registry)
    choice = options.file_choice(arguments)
    if arguments.file and choice != ALL_FILES:
        raise ConfigError("--file names files and --tables and --subset choose them; leave one of these out")
    if arguments.masks and (arguments.file or choice.tables):
        raise ConfigError("--masks takes all zips of the masks, of --subset or of all; leave --file and --tables out")
    request = FetchRequest(
        arguments.base,
        tuple(arguments.file or ()),
        choice,
        arguments.check,
        arguments.accept_changed,
        arguments.masks,
    )
    file_results = fetch(settings, release, request)
    came = [result.bytes or 0 for result in file_results if result.status in ("fetched", "resumed")]
    run_events.tell(run_events.FilesBrought(sum(came)))
    if arguments.json:
        print_text(json.dumps([result.as_json() for result in file_results]))
    if sentence := results.failure_sentence(file_results):
        raise InputError(sentence)
    if not arguments.json:
        print_text(results.summary_line(file_results, release.release))
    return 0


def fetch(settings: Settings, release: Release, request: FetchRequest = EVERYTHING) -> list[FetchResult]:
    """What became of each file; ConfigError or StoreError before the first byte, when called wrongly or out of disk."""
    if is_on_s3(settings.landing):
        return _fetch_to_s3(settings, release, request)
    fetch_settings, stop = settings.fetch, Event()
    items = locations.items_to_fetch(release, settings.landing, request)
    source_by_url = locations.sources_by_address(items, fetch_settings, settings.storage)
    look_context = PlanContext(fetch_settings, stop, request.check, request.accept_changed)
    looks = work_in_threads(
        lambda i: plan.plan_fetch(i, source_by_url[i.url], look_context), items, fetch_settings.connections, stop
    )
    wanted_files = [look for look in looks if isinstance(look, PlannedFetch)]
    plan.refuse_short_disk(wanted_files, settings.landing)
    with byte_bar.show_byte_bar(
        release.release, plan.total_bytes(wanted_files), sum(wanted_file.there for wanted_file in wanted_files)
    ) as on_bytes:
        context = TransferContext(fetch_settings, on_bytes, stop, request.accept_changed)
        brought = iter(
            work_in_threads(
                lambda w: _fetch_file(w, source_by_url, context), wanted_files, fetch_settings.connections, stop
            )
        )
    return [next(brought) if isinstance(look, PlannedFetch) else look for look in looks]


def _fetch_to_s3(settings: Settings, release: Release, request: FetchRequest) -> list[FetchResult]:
    """File by file, so that the disk of this machine holds but one."""
    from oilake.jobs.transport import s3_reach  # boto3 takes a while to import, and most runs need none of it

    if request.check:
        raise ConfigError(
            f"{settings.landing}: --check looks at files in a local landing area; give --landing a folder"
        )
    landing = settings.storage_uri(settings.landing)
    s3_reach.require_reachable(landing, settings.storage)
    spool = replace(settings, landing=str(s3_landing.spool_folder(landing)))
    file_results = []
    for item in locations.items_to_fetch(release, spool.landing, request):
        result = s3_landing.stored_result(item, landing)
        if result is None:
            result = fetch(spool, release, replace(request, names=(item.name,)))[0]
            if item.target.is_file() and result.error is None:
                s3_landing.store_file(item, landing)
        file_results.append(result)
    return file_results


def _fetch_file(wanted_file: PlannedFetch, source_by_url: dict[str, Source], context: TransferContext) -> FetchResult:
    result = transfer.fetch_file(wanted_file, source_by_url[wanted_file.item.url], context)
    log_line(results.result_line(result))
    return result


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("fetch", __doc__, add_arguments, run))
