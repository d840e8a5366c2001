"""Invented display names: every one made of a quality, a thing and sometimes an ending."""

from __future__ import annotations

import numpy as np

from oilake.jobs.synthetic.text import split_words

QUALITIES = split_words(
    """
    amber ashen autumn bamboo banded blue brass bright broad carved ceramic chalk clay coastal copper cotton crimson crystal
    curved dark desert double dwarf early eastern enamel evening feathered flat folding forest garden giant gilded glass
    golden granite grey hanging harbour hollow inland iron island ivory jade late lean linen little long lowland marble
    marsh meadow mellow miniature mountain narrow northern oaken old olive orchard painted pale paper pebble plain polished
    prairie quiet red ribbed river round royal rustic sandy scarlet shaded silver slender small smooth southern spiral
    spotted spring square steep stone striped summer tall tidal timber upland velvet walled warm western white wicker wild
    winged winter woollen woven crème jalapeño über
    """
)
THINGS = split_words(
    """
    anvil apron arch badger bagpipe balcony barge barn basket beacon beetle bellows bench-vice blanket boat bonnet bowl
    bracket bridge broom bucket buckle cabin candle canoe canyon cape cart cellar chest chisel cider clock cloak coat comb
    compass cottage cradle crane cricket crown cup curtain dagger dairy dolphin drum duck ferry fiddle finch flask flute
    fountain fox gate gazebo glove goat goose hammer harp hat hawk hedge heron hinge horse jar jetty jug kettle kite ladder
    lamp lantern lathe locket loom lute mallet mask mast mill mirror moth mug needle net oar oven owl paddle pan parrot pear
    pie pier pipe plough plum pony pot pump quilt raft rake ram rope saddle sail salmon saw scarf shed shelf shield ship
    shovel skate sleigh sofa spade spoon stove swan table tent thimble toad tower trellis trout tulip turnip umbrella urn
    vase violin wagon well wheel whistle window wren yacht yoke château piñata façade
    """
)
ENDINGS = ("", "", "", " set", " maker", " race", " festival", ", folding", ", sliced and dried", " case", " and stand")
RARE_FORMS = ('{0} "{1}"', "{1}'s {0}", "{0} № {2}", "{0} – {1}")


def invent_names(rng: np.random.Generator, count: int) -> list[str]:
    """`count` different names; some hold commas, quotes, apostrophes or letters beyond ASCII."""
    every = len(QUALITIES) * len(THINGS) * len(ENDINGS)
    invented: dict[str, None] = {}
    for n, code in enumerate(rng.permutation(every).tolist()):
        invented[_compose_name(n, code)] = None
        if len(invented) == count:
            break
    return list(invented)


def _compose_name(n: int, code: int) -> str:
    quality, rest = code % len(QUALITIES), code // len(QUALITIES)
    noun, ending = rest % len(THINGS), rest // len(THINGS)
    plain = f"{QUALITIES[quality]} {THINGS[noun]}{ENDINGS[ending]}".capitalize()
    if n % 60 == 13:
        form = RARE_FORMS[n // 60 % len(RARE_FORMS)]
        return form.format(plain, THINGS[code % len(THINGS)].capitalize(), code % 97)
    return plain


def share_names(names: list[str], among: list[list[int]]) -> None:
    """Gives all classes of each group in `among` the name of the group's first, in place."""
    for group in among:
        for index in group[1:]:
            names[index] = names[group[0]]


def spelled_otherwise(name: str) -> str:
    """The same thing as a careless hand writes it."""
    lowered = name.lower()
    return lowered if lowered != name else f"{name} (thing)"
