"""usage: python -m bench.ours_check TABLE WAREHOUSE OUT: `oilake check TABLE --release v3` in full.

Prints its seconds as JSON; Spark's start is told apart. Queries and the record of what was found are part of the work.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench.check_table import RELEASE, tell
from bench.tables import chosen_settings, copy
from oilake.jobs.check import check


def main(table: str, warehouse: Path, out: Path) -> None:
    copy(warehouse, out / "warehouse")
    chosen = chosen_settings(out / "warehouse", warehouse)
    outcome = check(chosen, table, RELEASE)
    (found,) = outcome.checked
    counts = {name: count.unexpected for name, count in found.counts.items()}
    tell(out, counts, max(count.rows for count in found.counts.values()), found.not_asked)
    print(json.dumps({"seconds": outcome.seconds}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
