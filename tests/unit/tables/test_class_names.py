"""A class is named by its MID in any spelling or by its display name in any case, wherever a command takes one."""

from __future__ import annotations

import pytest

from oilake.conf.errors import ConfigError
from oilake.jobs.tables import class_names
from oilake.jobs.tables.class_names import Class

CLASSES: list[Class] = [
    ("/g/11b6r_3k", "Corgi"),
    ("/m/01yrx", "Cat"),
    ("/m/020lf", "Mouse"),
    ("/m/04rmv", "Mouse"),
    ("/m/0bt9lr", "Dog"),
    ("/m/0dv5r", "Café  Racer"),
    ("/m/0fake1", "orange"),
    ("/m/0fake2", "Orange"),
    ("/m/0nameless", None),
]


def find(text: str) -> str:
    return class_names.find_class(text, CLASSES, "--mid", "v3")


@pytest.mark.parametrize(
    "text",
    ["Dog", "dog", "DOG", " dog ", "/m/0bt9lr", "m.0bt9lr", "/M/0BT9LR", "M.0BT9LR", "kg:/m/0bt9lr", "m/0bt9lr", "0bt9lr",
     "0BT9LR", "http://rdf.freebase.com/ns/m.0bt9lr", "\t/m/0bt9lr\n"],
)  # fmt: skip
def test_every_way_to_name_a_class_finds_its_mid(text: str):
    assert find(text) == "/m/0bt9lr"


@pytest.mark.parametrize(
    ("text", "mid"),
    [
        ("g.11b6r_3k", "/g/11b6r_3k"),
        ("11b6r_3k", "/g/11b6r_3k"),
        ("cafe\u0301 racer", "/m/0dv5r"),
        ("CAFÉ RACER", "/m/0dv5r"),
        ("orange", "/m/0fake1"),
        ("Orange", "/m/0fake2"),
        ("/m/0nameless", "/m/0nameless"),
    ],
)
def test_a_name_is_read_as_a_person_reads_it(text: str, mid: str):
    assert find(text) == mid


@pytest.mark.lengthy
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Mouse", "--mid 'Mouse': 2 classes of v3 have this name, /m/020lf, /m/04rmv; give its MID"),
        ("mOUSE", "2 classes of v3 have this name, /m/020lf, /m/04rmv"),
        ("ORANGE", "2 classes of v3 have this name, /m/0fake1, /m/0fake2"),
        ("Dogg", "--mid 'Dogg': no class of v3 is called so; the nearest are Dog (/m/0bt9lr); `oilake show"),
        ("Mous", "no class of v3 is called so; the nearest are Mouse (/m/020lf), Mouse (/m/04rmv)"),
        ("Dgo", "the nearest are Dog (/m/0bt9lr); `"),
        ("Cta", "the nearest are Cat (/m/01yrx); `"),
        ("Cafe Raser", "the nearest are Café  Racer (/m/0dv5r); `"),
        ("sheep dog", "the nearest are Dog (/m/0bt9lr); `"),
        ("/m/0bt9lx", "no class of v3 is called so; the nearest are Dog (/m/0bt9lr)"),
        (
            "xylophonist",
            "no class of v3 is called so; there are Corgi (/g/11b6r_3k), Cat (/m/01yrx), Mouse (/m/020lf), ",
        ),
        ("", "no class of v3 is called so"),
        ("   ", "no class of v3 is called so"),
    ],
)
def test_what_names_no_class_or_several_is_told_with_the_choices(text: str, told: str):
    with pytest.raises(ConfigError) as error:
        find(text)
    assert told in str(error.value)


def test_a_release_without_classes_says_so():
    with pytest.raises(ConfigError, match="v1 lists no classes"):
        class_names.find_class("Dog", [], "--mid", "v1")
