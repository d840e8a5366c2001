"""Lists of images: IDs, IDs with their subset, and the originals' addresses with size and MD5 for a transfer service."""

from __future__ import annotations

from pathlib import Path

from oilake.jobs.exporting.image_blocks import Row
from oilake.jobs.exporting.opened_export import OpenedExport
from oilake.jobs.transforms import md5

COLUMNS = {"images": ("original_url", "original_size", "original_md5")}
HEADER = "TsvHttpData-1.0"


def write_format(export: OpenedExport, folder: Path) -> dict[str, int]:
    """Writes `ids.txt`, `split_ids.txt` and `urls.tsv`, in the order of subsets and IDs."""
    images = 0
    with (
        (folder / "ids.txt").open("w") as ids,
        (folder / "split_ids.txt").open("w") as split_ids,
        (folder / "urls.tsv").open("w", encoding="utf-8") as urls,
    ):
        urls.write(f"{HEADER}\n")
        for subset in export.subsets:
            for block in export.blocks(subset, COLUMNS):
                rows = block.rows("images")
                ids.writelines(f"{row['image_id']}\n" for row in rows)
                split_ids.writelines(f"{subset}/{row['image_id']}\n" for row in rows)
                urls.writelines(map(address_line, rows))
                images += len(rows)
    return {"images": images}


def address_line(row: Row) -> str:
    """The line of an image in a transfer list; what the release does not give is left out at its end."""
    size, digits = row["original_size"], row["original_md5"]
    parts = [row["original_url"]]
    if size is not None:
        parts.append(str(size))
        parts += [md5.to_base64(digits)] if digits is not None else []
    return "\t".join(parts) + "\n"
