"""Writes cards of an export of Parquet files: Croissant metadata and, where it has none, a card for Hugging Face."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import yaml

from oilake.conf.bounded_json import parse_json
from oilake.conf.errors import ConfigError, StoreError, os_cause
from oilake.jobs.exporting.companion_files import licence_notice, read_notice
from oilake.jobs.exporting.croissant import column_descriptions, croissant_metadata, parquet_tables
from oilake.jobs.exporting.export_folder import CARD, CROISSANT, MANIFEST
from oilake.jobs.runtime.folder_swap import replace_text
from oilake.jobs.runtime.printing import print_text

# What a manifest must say for a card.
NAMED = {"format": str, "release": str, "snapshot": int, "published_at": str}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", metavar="FOLDER", help="of an export, such as `export bigquery` or `huggingface` wrote"
    )
    parser.add_argument("--json", action="store_true", help="print the files as JSON")


def run(arguments: argparse.Namespace) -> int:
    written = write_cards(Path(arguments.folder))
    print_text(json.dumps([str(path) for path in written]) if arguments.json else "\n".join(map(str, written)))
    return 0


def write_cards(folder: Path) -> list[Path]:
    """Writes the cards into the folder of an export; the files.

    ConfigError where it is none, or holds no Parquet files; InputError or StoreError where it cannot be read or written.
    A card that stands there, as `export huggingface` writes one, stays.
    """
    manifest = _read_manifest(folder)
    if not parquet_tables(folder):
        raise ConfigError(f"{folder}: holds no Parquet files; make a card of an export to bigquery or huggingface")
    texts = {
        CROISSANT: json.dumps(croissant_metadata(folder, manifest, column_descriptions()), indent=2, ensure_ascii=False)
    }
    if not (folder / CARD).exists():
        texts[CARD] = dataset_card(folder, manifest)
    try:
        for name, text in texts.items():
            replace_text(folder / name, f"{text}\n")
    except OSError as error:
        raise StoreError(f"{folder}: cards cannot be written ({os_cause(error)}); free the folder") from None
    return [folder / name for name in texts]


def dataset_card(folder: Path, manifest: dict[str, Any]) -> str:
    """The card for Hugging Face: a configuration a table, a split a subset."""
    configs = [
        {
            "config_name": table,
            "data_files": [
                {"split": stem, "path": f"{table}/{stem}-*.parquet"}
                for stem in sorted({path.stem.rpartition("-")[0] for path in paths})
            ],
        }
        for table, paths in parquet_tables(folder).items()
    ]
    head = yaml.safe_dump({"license": "cc-by-4.0", "configs": configs}, sort_keys=False)
    title = f"# Open Images {manifest['release']}"
    return f"---\n{head}---\n\n{title}\n\n{licence_notice()}\n\n```bibtex\n{read_notice('CITATION.bib').strip()}\n```"


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest = parse_json(path.read_text(encoding="utf-8"))
        if not all(isinstance(manifest.get(name), kind) for name, kind in NAMED.items()):
            raise ValueError("it names no snapshot")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; name the folder of an export") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({os_cause(error)}); name the folder of an export") from None
    except (ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: is no manifest of an export ({error}); export again") from None
    return dict(manifest)


if __name__ == "__main__":
    from oilake.jobs.operations import watched_job

    raise SystemExit(watched_job.main("card", __doc__, add_arguments, run))
