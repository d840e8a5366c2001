"""What a broken expectation means and what mends it, in the words of `explanations.yaml` and of the suite itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from oilake.conf.yaml_loader import load_dataclass
from oilake.quality.results import Result
from oilake.quality.suites import Expectation


@dataclass(frozen=True)
class ExplanationText:
    """What is said of one name or type; `remedy` is None where the suite declares its own."""

    meaning: str
    remedy: str | None = None


@dataclass(frozen=True)
class Explanations:
    """All that can be said, by an expectation's name and by its type."""

    by_name: dict[str, ExplanationText]
    by_type: dict[str, ExplanationText]


@dataclass(frozen=True)
class Explanation:
    """What a broken expectation means for who uses the table, and its likely remedy."""

    meaning: str
    remedy: str


@cache
def packaged_explanations() -> Explanations:
    """The packaged explanations; ConfigError when their YAML does not fit."""
    path = files("oilake.quality") / "explanations.yaml"
    return load_dataclass(Explanations, path)


def explain_broken(result: Result, expectation: Expectation | None, table: str, which: str, remake: str) -> Explanation:
    """What the broken `result` means. `expectation`: None for what the reader found.

    `which`: the slice of `table` in words. `remake`: a sentence that tells how the table is made anew.
    """
    of_type = packaged_explanations().by_type[result.type]
    words = packaged_explanations().by_name.get(result.expectation, of_type)
    names = {"columns": " and ".join(result.columns), "table": table, "which": which, "remake": remake}
    meaning = words.meaning.format(**names)
    if expectation is not None and expectation.meta.remedy:
        return Explanation(meaning, expectation.meta.remedy)
    return Explanation(meaning, (words.remedy or of_type.remedy or "").format(**names))
