"""Where the figures of a release stand, what its pages state besides, and how it defines its trainable classes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_value

# Figures that no release publishes for every subset: they are counted where a page states them.
STATED_ONLY = ("images_with_human_labels", "images_with_machine_labels")


@dataclass(frozen=True)
class StatedFigure:
    """A figure that a page states beside or otherwise than `published`; `subset`: None of the whole release.

    It binds nothing: pages contradict each other and their files.
    """

    figure: str
    value: int
    subset: str | None = None


@dataclass(frozen=True)
class PublishedPage:
    """A page of the publisher: the figures of `published` that it states, and what it states besides."""

    url: str
    states: tuple[str, ...] = ()
    also: tuple[StatedFigure, ...] = ()


@dataclass(frozen=True)
class TrainableCondition:
    """What a class must have to be trainable: `at_least` labels, or distinct images with one, in `subsets` taken together.

    `labels`: positive ones of people, those of people of either sign, or any.
    """

    subsets: tuple[str, ...]
    labels: Literal["positive", "human", "any"]
    at_least: int
    counts: Literal["labels", "distinct_images"] = "labels"


def check_pages(
    pages: Collection[PublishedPage], figures: Mapping[str, bool], subsets: Collection[str], where: str
) -> None:
    """ConfigError, starting with `where`, when a page names a figure or a subset that there is not, or none names a figure.

    `figures`: all that a release may publish, and whether this one does; where it publishes none, a page may name any.
    """
    figure_names = (*figures, *STATED_ONLY)
    without_value = {name for name, is_given in figures.items() if any(figures.values()) and not is_given}
    for n, page in enumerate(pages):
        if unknown := [figure for figure in page.states if figure not in figures or figure in without_value]:
            raise ConfigError(
                f"{where}: pages[{n}].states: {brief_value(unknown[0])} has no value in `published`; give it one"
            )
        for m, stated in enumerate(page.also):
            place = f"{where}: pages[{n}].also[{m}]"
            if stated.figure not in figure_names:
                raise ConfigError(
                    f"{place}.figure: nothing counts {brief_value(stated.figure)}; known: {', '.join(figure_names)}"
                )
            _check_subsets([stated.subset] if stated.subset else [], subsets, f"{place}.subset")
    nowhere = [name for name, is_given in figures.items() if is_given and not any(name in p.states for p in pages)]
    if pages and nowhere:
        raise ConfigError(
            f"{where}: pages: none of them states {nowhere[0]}; name the page of every figure of `published`"
        )


def check_rule(rule: Collection[TrainableCondition], subsets: Collection[str], where: str) -> None:
    """ConfigError, starting with `where`, when a condition holds of every class or names a subset that there is not."""
    for n, condition in enumerate(rule):
        if condition.at_least < 1 or not condition.subsets:
            raise ConfigError(
                f"{where}: trainable_rule[{n}] holds of every class; give its subsets, and at_least from 1"
            )
        _check_subsets(condition.subsets, subsets, f"{where}: trainable_rule[{n}].subsets")


def _check_subsets(named: Collection[str], subsets: Collection[str], where: str) -> None:
    for subset in named:
        if subset not in subsets:
            raise ConfigError(f"{where}: {subset!r} is none of the release's {', '.join(subsets)}")
