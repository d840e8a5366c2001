"""Brings a release's files into the landing area: HTTP(S), S3 or a local folder, resumed, retried and checked."""

from __future__ import annotations

import argparse
import json
from threading import Event

from oilake.conf import registry
from oilake.conf.errors import InputError
from oilake.conf.registry import Release
from oilake.conf.settings import Settings
from oilake.jobs.fetching import byte_bar, locations, plan, results, transfer
from oilake.jobs.fetching.plan import Wanted
from oilake.jobs.fetching.results import Result
from oilake.jobs.fetching.transfer import Line
from oilake.jobs.runtime import entrypoint, options
from oilake.jobs.runtime.printing import tell
from oilake.jobs.runtime.progress import say
from oilake.jobs.transport.source import Source
from oilake.jobs.transport.thread_pool import each


def add_arguments(parser: argparse.ArgumentParser) -> None:
    places = "a folder, an http(s) URL or s3://bucket/prefix with the files as <from>/<tag>/<file>, as they will lie in"
    parser.add_argument("--release", required=True, metavar="R", help="release to fetch, such as v3")
    parser.add_argument(
        "--from", dest="base", metavar="PLACE", help=f"{places} the landing area (default: the registry's)"
    )
    parser.add_argument("--file", action="append", metavar="NAME", help="only this file (may be repeated)")
    options.add_places(parser, "landing", "registry")
    parser.add_argument(
        "--check", action="store_true", help="ask whether fetched files have changed since, and fetch those"
    )
    parser.add_argument("--json", action="store_true", help="print the list of files as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    release = registry.find(arguments.release, settings.registry)
    found = fetch(settings, release, arguments.base, arguments.file, arguments.check)
    if arguments.json:
        tell(json.dumps([result.as_json() for result in found]))
    if sentence := results.failure(found):
        raise InputError(sentence)
    if not arguments.json:
        tell(results.summary(found, release.release))
    return 0


def fetch(
    settings: Settings, release: Release, base: str | None = None, names: list[str] | None = None, check: bool = False
) -> list[Result]:
    """What became of each file; ConfigError or StoreError before the first byte, when called wrongly or out of disk."""
    how, stop = settings.fetch, Event()
    items = locations.items(release, settings.landing, base, names)
    source = locations.connect(items, how)
    looks = each(lambda i: plan.look(i, source[i.url], how, check, stop), items, how.connections, stop)
    wanted = [look for look in looks if isinstance(look, Wanted)]
    plan.refuse_short_disk(wanted, settings.landing)
    with byte_bar.shown(release.release, plan.total(wanted), sum(one.there for one in wanted)) as tell:
        line = Line(how, tell, stop)
        brought = iter(each(lambda w: _bring(w, source, line), wanted, how.connections, stop))
    return [next(brought) if isinstance(look, Wanted) else look for look in looks]


def _bring(wanted: Wanted, source: dict[str, Source], line: Line) -> Result:
    result = transfer.bring(wanted, source[wanted.item.url], line)
    say(results.line(result))
    return result


if __name__ == "__main__":
    raise SystemExit(entrypoint.main("fetch", __doc__, add_arguments, run))
