"""Pictures of whatever names the data hold: they parse, they hold text, and they stay small."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from oilake.jobs.plotting.class_ranks import BINS, bin_ranks, rank_classes
from oilake.jobs.plotting.count_plots import count_plot_by
from oilake.jobs.plotting.drawn_plot import DrawnPlot
from oilake.jobs.plotting.flow_plots import parts_plot
from oilake.jobs.plotting.rank_plots import label_distribution
from oilake.jobs.plotting.tree_plot import hierarchy_plot
from oilake.jobs.surveying.class_tree import COUNTS, TreeNode
from tests.support.view_lake import LONG, MARKUP

NAMES = [MARKUP, LONG, "\x00\x1b[31m\ufffe", "]]>&amp;\u202e\U0001f436", "", "url(#clip0)", "\x1b]0;x\x07", "=1+1"]


def classes(number: int) -> list[dict]:
    return [
        {
            "mid": f"/m/{n:05}",
            "name": NAMES[n % len(NAMES)],
            "positives": n // 7,
            "negatives": n * 31 % 97,
            "machine": n,
        }
        for n in range(number)
    ]


@pytest.mark.lengthy
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_text_in_a_picture(name: str):
    none = dict.fromkeys(COUNTS, 0)
    tree = [TreeNode("0", "", name, "", none, children=[TreeNode("0/0", "/m/1", name, "part", none)])]
    rows = [{"kind": name, "subset": name, "count": 3}]
    for plot in (hierarchy_plot("a", tree), count_plot_by("b", "Title", "row", "kind", "subset", rows)):
        assert plot is not None
        drawn = ElementTree.fromstring(plot.svg)
        assert {element.tag.partition("}")[2] for element in drawn.iter()} <= {
            "svg",
            "g",
            "path",
            "rect",
            "line",
            "text",
            "defs",
        }
        assert plot.rows[0]["name" if "name" in plot.rows[0] else "kind"] == name
        assert "\n=" not in plot.csv_text()
        assert ",=" not in plot.csv_text()


@pytest.mark.lengthy
def test_many_classes_are_few_marks_and_all_numbers():
    plot = label_distribution("many", "train", classes(20_000))
    assert plot is not None
    assert len(plot.rows) == 19_999, "all that people labelled"
    assert len(plot.svg) < 400_000


def test_bins_hold_the_least_the_median_and_the_most_of_neighbours():
    ranked = rank_classes(classes(20_000), "positives", "negatives")
    binned = bin_ranks(ranked, "positives", "negatives")
    assert len(binned) == BINS
    assert [row["first"] for row in binned[1:]] == [row["last"] for row in binned[:-1]]
    part = [row["negatives"] for row in ranked[100:200]]
    values = (binned[1]["negatives_least"], binned[1]["negatives"], binned[1]["negatives_most"])
    assert values == (min(part), sorted(part)[50], max(part))


def test_bars_of_one_release_are_no_broader_than_those_of_seven():
    releases = [f"v{n}" for n in range(1, 8)]
    rows = [{"release": release, "table": "labels", "part": "train", "rows": 10} for release in releases]
    one, seven = parts_plot("labels", rows[:1], releases[:1]), parts_plot("labels", rows, releases)
    assert one is not None
    assert seven is not None
    assert picture_width(one) < picture_width(seven) / 2


def picture_width(plot: DrawnPlot) -> float:
    return float(ElementTree.fromstring(plot.svg).attrib["viewBox"].split()[2])
