"""Writes cards of an export of Parquet files: Croissant metadata and, where it has none, a card for Hugging Face."""

from __future__ import annotations

import argparse
import json
from pathlib import PurePosixPath
from typing import Any

import yaml

from oilake.conf.bounded_json import parse_json
from oilake.conf.errors import ConfigError
from oilake.jobs.exporting.companion_files import licence_notice, read_notice
from oilake.jobs.exporting.croissant import column_descriptions, croissant_metadata
from oilake.jobs.exporting.export_files import ExportFiles, find_files
from oilake.jobs.exporting.export_folder import CARD, CROISSANT, MANIFEST, describe_names
from oilake.jobs.runtime import options
from oilake.jobs.runtime.printing import print_text

# What a manifest must say for a card.
NAMED = {"format": str, "release": str, "snapshot": int, "published_at": str}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "place",
        metavar="FOLDER",
        help="of an export, such as `export bigquery` or `huggingface` wrote; or s3://bucket/prefix",
    )
    options.add_places(parser)
    parser.add_argument("--json", action="store_true", help="print the files as JSON")


def run(arguments: argparse.Namespace) -> int:
    settings = options.load_settings(arguments)
    written = write_cards(find_files(arguments.place, settings))
    print_text(json.dumps(written) if arguments.json else "\n".join(written))
    return 0


def write_cards(export: ExportFiles) -> list[str]:
    """Writes the cards beside the files of an export; where they are.

    ConfigError where it is none, or holds other files than were exported, or no Parquet files; InputError or StoreError
    where it cannot be read or written.
    A card that stands there, as `export huggingface` writes one, stays.
    """
    manifest = _read_manifest(export)
    if manifest.get("file_names") != describe_names(export.names):
        raise ConfigError(f"{export.place}: its files are not those that the export wrote; export again")
    if not export.parquet_tables:
        raise ConfigError(
            f"{export.place}: holds no Parquet files; make a card of an export to bigquery or huggingface"
        )
    texts = {
        CROISSANT: json.dumps(croissant_metadata(export, manifest, column_descriptions()), indent=2, ensure_ascii=False)
    }
    if CARD not in export.names:
        texts[CARD] = dataset_card(export, manifest)
    for name, text in texts.items():
        export.write_text(name, f"{text}\n")
    return [export.file_uri(name) for name in texts]


def dataset_card(export: ExportFiles, manifest: dict[str, Any]) -> str:
    """The card for Hugging Face: a configuration a table, a split a subset."""
    configs = [
        {
            "config_name": table,
            "data_files": [
                {"split": stem, "path": f"{table}/{stem}-*.parquet"}
                for stem in sorted({PurePosixPath(name).stem.rpartition("-")[0] for name in names})
            ],
        }
        for table, names in export.parquet_tables.items()
    ]
    head = yaml.safe_dump({"license": "cc-by-4.0", "configs": configs}, sort_keys=False)
    title = f"# Open Images {manifest['release']}"
    return f"---\n{head}---\n\n{title}\n\n{licence_notice()}\n\n```bibtex\n{read_notice('CITATION.bib').strip()}\n```"


def _read_manifest(export: ExportFiles) -> dict[str, Any]:
    path = export.file_uri(MANIFEST)
    if MANIFEST not in export.names:
        raise ConfigError(f"{path}: no such file; name the folder of an export")
    try:
        manifest = parse_json(export.read_text(MANIFEST))
        if not all(isinstance(manifest.get(name), kind) for name, kind in NAMED.items()):
            raise ValueError("it names no snapshot")
    except (ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: is no manifest of an export ({error}); export again") from None
    return dict(manifest)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("card", __doc__, add_arguments, run))
