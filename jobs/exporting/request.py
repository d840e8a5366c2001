"""What an export is asked for, as its flags say it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from oilake.jobs.downloading.selection import ImageSelection


@dataclass(frozen=True)
class ExportRequest:
    """The format, the release, the folder, and which images of it. `per_class`: at most so many images of each class, drawn
    by `seed`; None: all. `blob_statuses`: only images whose best blob was judged so. `sizes`: a CSV file of sides.
    `pictures`: a folder that holds `<subset>/<image_id>.jpg`. `uri`: on S3, where the folder goes once it is whole; None: it
    stays."""

    format: str
    release: str
    place: Path
    images: ImageSelection = field(default_factory=ImageSelection)
    blob_statuses: tuple[str, ...] = ()
    per_class: int | None = None
    seed: int = 0
    sizes: str | None = None
    pictures: str | None = None
    uri: str | None = None

    def filters(self) -> dict[str, Any]:
        """What was chosen, by flag, for the manifest; a flag that was not given is left out."""
        given = {
            "subset": list(self.images.subsets),
            "mid": list(self.images.mids),
            "with_subclasses": self.images.with_subclasses,
            "verdict": self.images.verdict if self.images.mids or self.per_class else None,
            "license": self.images.license,
            "where": self.images.where,
            "blob_status": list(self.blob_statuses),
            "per_class": self.per_class,
            "seed": self.seed if self.per_class else None,
        }
        return {name: value for name, value in given.items() if value not in (None, [], False)}
