"""usage: python -m bench.ours_tables WORK WAREHOUSE OUT: our reconcile or changes; prints its seconds as JSON.

Spark's start is told apart. Checks and publication are part of the work.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.table_files import RELEASES
from bench.tables import chosen_settings, copy
from oilake.conf import reconcile_policy, registry
from oilake.jobs.changes import changes
from oilake.jobs.reconcile import reconcile


def main(name: str, warehouse: Path, out: Path) -> None:
    copy(warehouse, out / "warehouse")
    chosen = chosen_settings(out / "warehouse", warehouse)
    if name == "reconcile":
        seconds = reconcile(
            chosen, registry.find_release(RELEASES[-1]), reconcile_policy.load_policy(), force=True
        ).seconds
    else:
        seconds = changes(chosen, *RELEASES, force=True).seconds
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
