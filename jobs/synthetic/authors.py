"""Invented authors and titles as the images files quote them: entities, doubled quotes, any Unicode, line breaks."""

from __future__ import annotations

import unicodedata

import numpy as np
import pyarrow as pa

from oilake.jobs.synthetic.text import split_words

AUTHORS, TITLES, BROKEN = 5_000, 4_000, 16
CAMERA = ("IMG_", "DSC_", "DSCF", "P10", "2014_06_", "scan ")
FIRST = split_words(
    """
    Abelard Brisa Corwin Dagna Eloi Fenna Gisli Hedda Ivo Jorun Kasimir Lumi Merrit Nerea Osric Perla Quill Runa Sorin
    Tamsin Ulf Vesna Wilmar Xandra Yrsa Zeno Zoë Renée Jürgen Søren Łucja
    """
)
LAST = split_words(
    """
    Ashgrove Bellweather Crane Dunmore Eastholm Fairlight Greystoke Holloway Ironside Juniper Kestrel Lindqvist Marlowe
    Nightingale Oakhurst Pemberton Quarry Ravensworth Silverthorne Thistle Underhill Vantongeren Westerly Yarrow Zabłocki
    García Østby Nuñez
    """
)
ODD_AUTHORS = (
    "{l} &amp; {f} Studio", "{f} O&#x27;{l}", "{f} &quot;Sparrow&quot; {l}", "{l} &lt;{f}&gt;", "The {l}&#39;s of {f}",
)  # fmt: skip
FOREIGN_AUTHORS = (
    "港の{l}",
    "{f} 山猫",
    "Фотоклуб {l}",
    "{f} ☀ {l}",
    "استوديو {l}",
    "{f}, {l} and friends",
    '{f} ""{l}""',
)
PLACES = split_words(
    """
    harbour orchard lighthouse quarry market boathouse canal hilltop meadow station bakery workshop pier allotment windmill
    terrace ferry courtyard
    """
)
MOMENTS = (
    "at dusk", "in the rain", "after lunch", "on a Sunday", "before the storm", "with friends", "in March",
    "seen from above", "through the window", "once more", "by the river", "under repair",
)  # fmt: skip
OPENINGS = (
    "Old",
    "Our",
    "My favourite",
    "Another",
    "The",
    "Little",
    "Walking past the",
    "Behind the",
    "A quiet",
    "New",
)
ODD_TITLES = (
    "Fish &amp; chips near the {0}", "The {0}&#x27;s keeper", "&quot;{0}&quot; {1}", "{0} &gt; town", "{0} &#038; {1}",
)  # fmt: skip
FOREIGN_TITLES = (
    "Café am {0}", "{0} 港の夕暮れ", "Vista del {0}, mañana", "{0} 😀🚲", "Старый {0}", "{0} – {1}", "Żółty {0}",
    "مساء {0}", "春天 {1}", "👩‍🌾 {0}",
)  # fmt: skip
USUAL_TITLES = ('""{0}"" {1}', "{0}, {1}", "#{0} #latest #walk", "{0} {1} [31]", "{0} / {1}", "{0} R&D {1}")


def invent_authors(rng: np.random.Generator) -> tuple[pa.StringArray, pa.StringArray]:
    """(the last part of their profile's address, their names quoted) of AUTHORS people."""
    paths, quoted = [], []
    numbers = rng.integers(1_000_000, 140_000_000, AUTHORS).tolist()
    for n, number in enumerate(numbers):
        first, last = FIRST[number % len(FIRST)], LAST[number // 31 % len(LAST)]
        plain = f"{first}{n}-{last}".lower().encode("ascii", "ignore").decode()
        paths.append(f"{number}@N{n % 9:02d}" if n % 3 == 0 else plain)
        quoted.append(_in_quotes(_author_name(n, first, last)))
    return pa.array(paths), pa.array(quoted)


def _author_name(n: int, first: str, last: str) -> str:
    if n % 25 == 7:
        return ODD_AUTHORS[n // 25 % len(ODD_AUTHORS)].format(f=first, l=last)
    if n % 12 == 5:
        return FOREIGN_AUTHORS[n // 12 % len(FOREIGN_AUTHORS)].format(f=first, l=last)
    if n % 100 == 11:
        return unicodedata.normalize("NFD", f"Édgar {last} Ibáñez")
    return f"{first} {last}" if n % 4 else f"{first.lower()}{n % 100}"


def invent_titles(rng: np.random.Generator) -> pa.StringArray:
    """TITLES beginnings of titles (an opening quote, the text, no closing quote), then BROKEN ones with a line break."""
    choices = rng.integers(0, 1 << 30, TITLES + BROKEN).tolist()
    usual = [_title_text(n, choice) for n, choice in enumerate(choices[:TITLES])]
    broken = [f"{_title_text(1, choice)}\n{MOMENTS[n % len(MOMENTS)]}" for n, choice in enumerate(choices[TITLES:])]
    return pa.array([f'"{text}' for text in usual + broken])


def _title_text(n: int, choice: int) -> str:
    place, moment = PLACES[choice % len(PLACES)], MOMENTS[choice // 18 % len(MOMENTS)]
    if n % 4 == 0:
        return CAMERA[n // 4 % len(CAMERA)]
    if n % 26 == 7:
        return ODD_TITLES[n // 26 % len(ODD_TITLES)].format(place, moment)
    if n % 11 == 3:
        return FOREIGN_TITLES[n // 11 % len(FOREIGN_TITLES)].format(place, moment)
    if n % 120 == 31:
        return unicodedata.normalize("NFD", f"Café à la {place}, {moment}")
    if n % 9 == 2:
        return USUAL_TITLES[n // 9 % len(USUAL_TITLES)].format(place, moment)
    return f"{OPENINGS[choice // 216 % len(OPENINGS)]} {place} {moment}"


def _in_quotes(text: str) -> str:
    return f'"{text}"'
