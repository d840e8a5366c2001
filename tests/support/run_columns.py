"""What rows say of the run that made them and of where it ran, which is left out where runs are compared."""

from __future__ import annotations

OF_A_RUN = frozenset(
    {"run_id", "published_at", "downloaded_at", "checked_at", "seconds", "tries", "location", "location_id", "version"}
    | {"table_version", "table_versions", "fingerprints", "manifest", "examples", "url", "method"}
)
# By table about blobs: a download to another place says nothing of a copy, and of a blob that a killed run left whole no
# server's answer is told.
OF_BLOBS = {"blob_checks": frozenset({"note"}), "downloads": frozenset({"http_code"})}
# Of `job_runs` alone.
OF_A_RECORD = frozenset(
    {"started_at", "ended_at", "phase_seconds", "bytes", "peak_memory_bytes", "publications", "code_version"}
)
