"""Which classes are trainable by the rule that a release states, from how often each is labelled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from oilake.conf.published_pages import TrainableCondition


class LabelCount(NamedTuple):
    """How many labels of one kind a class has in a subset."""

    subset: str
    origin: str
    mid: str
    is_positive: bool
    rows: int


def trainable_by_rule(
    rule: Sequence[TrainableCondition],
    counts: Iterable[LabelCount],
    images: Mapping[TrainableCondition, Mapping[str, int]],
) -> set[str]:
    """The MIDs of the classes of which every condition holds; `images`: distinct images by MID, of conditions on them."""
    counts = list(counts)
    reaching = []
    for condition in rule:
        numbers = images[condition] if condition.counts == "distinct_images" else _labels_by_mid(condition, counts)
        reaching.append({mid for mid, number in numbers.items() if number >= condition.at_least})
    return set.intersection(*reaching) if reaching else set()


def _labels_by_mid(condition: TrainableCondition, counts: Iterable[LabelCount]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for count in counts:
        is_human = count.origin != "machine"
        is_of_kind = {"any": True, "human": is_human, "positive": is_human and count.is_positive}[condition.labels]
        if is_of_kind and count.subset in condition.subsets:
            totals[count.mid] += count.rows
    return totals
