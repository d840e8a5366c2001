"""The page of a release's hierarchy: a tree that opens and closes, is searched, and is reached by keys alone."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256

from oilake.conf.file_names import file_name
from oilake.jobs.reporting.html import render
from oilake.jobs.surveying.class_tree import TreeNode

SCRIPT = "tree.js"


def tree_address(release: str) -> str:
    """The file of a release's hierarchy."""
    return f"hierarchy-{file_name(release)}.html"


def tree_page(release: str, roots: Sequence[TreeNode], others: dict[str, str]) -> str:
    """The whole HTML document; `others`: addresses by release. The policy names the script by its hash."""
    nodes = [node for root in roots for node in root.walk_down()]
    digest = b64encode(sha256(render(SCRIPT).encode()).digest()).decode()
    return render(
        "tree_page.html",
        release=release,
        roots=roots,
        occurrences=len(nodes),
        classes=len({node.mid for node in nodes if node.mid}),
        parts=sum(node.relation == "part" for node in nodes),
        several=len({node.mid or node.name for node in nodes if node.elsewhere}),
        others=others,
        script_hash=digest,
    )
