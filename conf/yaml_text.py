"""YAML of any origin as plain data, in bounded time and memory; what would win silently is refused."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import Composer

from oilake.conf.errors import ConfigError
from oilake.conf.showing import brief_text, brief_value

MOST_BYTES = 1 << 20
DEEPEST = 32
MOST_VALUES = 100_000
LONGEST_NUMBER = 64
LONGEST_REASON = 300
MERGE = "tag:yaml.org,2002:merge"


def parse_yaml(data: bytes, where: str) -> Any:
    """The document in `data`, UTF-8; ConfigError, starting with `where`, when it is none or is not fit to be read.

    Refused are more than 1 MiB, 32 levels or 100,000 values (an alias counts as what it stands for), a key that stands twice
    in its mapping, and text with a NUL or half a surrogate.
    """
    if len(data) > MOST_BYTES:
        raise ConfigError(
            f"{where}: has more than {MOST_BYTES >> 20} MiB, which no configuration has; give another file"
        )
    try:
        return yaml.load(data.decode(), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: is no UTF-8 text (byte {error.start:,}); save it as UTF-8") from None
    except (yaml.YAMLError, ValueError, TypeError, OverflowError) as error:
        reason = brief_text(" ".join(str(error).split()), LONGEST_REASON)
        raise ConfigError(f"{where}: not valid YAML ({reason}); correct it there") from None


class _Loader(Composer, yaml.CSafeLoader):
    """PyYAML's safe loader with bounds, to which libyaml gives its events. `_counts`: values below each composed node,
    aliases counted in full."""

    def __init__(self, text: str) -> None:
        Composer.__init__(self)
        yaml.CSafeLoader.__init__(self, text)
        self._depth = 0
        self._counts: dict[int, int] = {}
        self._own_keys: dict[int, list[yaml.Node]] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        is_alias = self.check_event(yaml.AliasEvent)
        event: Any = self.peek_event()
        mark = event.start_mark
        self._depth += 1
        if self._depth > DEEPEST:
            raise _unfit_error(f"more than {DEEPEST} levels", mark)
        node = super().compose_node(parent, index)
        self._depth -= 1
        if node is not None and not is_alias:
            self._counts[id(node)] = 1 + sum(self._counts[id(child)] for child in self._child_nodes(node))
            if isinstance(node, yaml.MappingNode):
                self._own_keys[id(node)] = [key for key, _ in node.value if key.tag != MERGE]
        count = self._counts.get(id(node))
        if count is None:
            raise _unfit_error("an alias stands inside of what it stands for", mark)
        if count > MOST_VALUES:
            raise _unfit_error(f"more than {MOST_VALUES:,} values", mark)
        return node

    def _child_nodes(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            return [child for pair in node.value for child in pair]
        return list(node.value) if isinstance(node, yaml.SequenceNode) else []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys_met: set[Any] = set()
        for key_node in self._own_keys.get(id(node), ()):
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise _unfit_error(f"a key must be text, not {brief_value(key)}; put it in quotes", key_node.start_mark)
            if key in keys_met:
                raise _unfit_error(f"the key {brief_text(key)!r} stands twice in one mapping", key_node.start_mark)
            keys_met.add(key)
        return super().construct_mapping(node, deep)

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        is_text = node.tag == "tag:yaml.org,2002:str"
        if not is_text and node.tag.endswith((":int", ":float")) and len(value) > LONGEST_NUMBER:
            raise _unfit_error(f"a number of {len(value):,} characters", node.start_mark)
        if is_text and "\0" in value:
            raise _unfit_error("text with a NUL", node.start_mark)
        return value


def _unfit_error(cause: str, mark: Any) -> yaml.YAMLError:
    return yaml.YAMLError(f"{cause}, line {mark.line + 1}")
