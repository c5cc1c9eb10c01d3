"""Is a JSON Schema still what was released? Additive changes are; COMPATIBILITY.md has the rules in words."""

from typing import Any

Schema = dict[str, Any]

#: Keywords that say nothing about what is valid.
ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description"})
#: Keywords with a rule of their own below.
RULED = frozenset({"properties", "required", "enum", "anyOf", "items", "additionalProperties"})


def breaks(released: Schema, current: Schema, growing: frozenset[str] = frozenset()) -> list[str]:
    """What `current` breaks for readers or writers of `released`, one sentence each; empty if nothing.

    Paths are field names joined by dots, `[]` for items and `*` for values of a map. `growing` are paths of
    enums that may have new values.
    """
    return _Comparison(released, current, growing).at("", released, current)


class _Comparison:
    def __init__(self, released: Schema, current: Schema, growing: frozenset[str]) -> None:
        self._released, self._current, self._growing = released, current, growing
        self._under_way: set[tuple[str, str]] = set()

    def at(self, path: str, old: Schema, new: Schema) -> list[str]:
        """The breaks at and below `path`."""
        pair = (old.get("$ref", ""), new.get("$ref", ""))
        if all(pair):
            if pair in self._under_way:
                return []
            self._under_way.add(pair)
        old, new = _resolved(self._released, old), _resolved(self._current, new)
        found = [
            *_plain_keywords(path, old, new),
            *_enum(path, old, new, path in self._growing),
            *_required(path, old, new),
            *self._properties(path, old, new),
            *self._alternatives(path, old, new),
            *self._nested(path, old, new, "items", "[]"),
            *self._nested(path, old, new, "additionalProperties", "*"),
        ]
        self._under_way.discard(pair)
        return found

    def _properties(self, path: str, old: Schema, new: Schema) -> list[str]:
        fields, now = old.get("properties", {}), new.get("properties", {})
        found = [f"{_join(path, name)}: the field was removed" for name in fields if name not in now]
        for name, field in fields.items():
            if name in now:
                found += self.at(_join(path, name), field, now[name])
        return found

    def _alternatives(self, path: str, old: Schema, new: Schema) -> list[str]:
        were, are = old.get("anyOf", []), new.get("anyOf", [])
        if len(were) != len(are):
            return [f"{path}: has {len(are)} alternative types where it had {len(were)}"]
        pairs = zip(were, are, strict=True)
        return [line for before, after in pairs for line in self.at(path, before, after)]

    def _nested(self, path: str, old: Schema, new: Schema, keyword: str, step: str) -> list[str]:
        before, after = old.get(keyword), new.get(keyword)
        if isinstance(before, dict) and isinstance(after, dict):
            return self.at(_join(path, step), before, after)
        return [] if before == after else [f"{path}: {keyword} was {before}, is {after}"]


def _plain_keywords(path: str, old: Schema, new: Schema) -> list[str]:
    keys = sorted((old.keys() | new.keys()) - ANNOTATIONS - RULED)
    changed = [key for key in keys if key not in old or key not in new or old[key] != new[key]]
    return [f"{path}: {key} was {old.get(key)}, is {new.get(key)}" for key in changed]


def _enum(path: str, old: Schema, new: Schema, may_grow: bool) -> list[str]:
    if ("enum" in old) != ("enum" in new):
        return [f"{path}: was {'' if 'enum' in old else 'not '}limited to an enum"]
    removed = [value for value in old.get("enum", []) if value not in new["enum"]]
    added = [value for value in new.get("enum", []) if value not in old["enum"]]
    found = [f"{path}: the value {value!r} was removed" for value in removed]
    return found if may_grow else found + [f"{path}: the value {value!r} is new" for value in added]


def _required(path: str, old: Schema, new: Schema) -> list[str]:
    before, after = set(old.get("required", [])), set(new.get("required", []))
    removed = before - set(new.get("properties", {}))
    found = [f"{_join(path, name)}: is required now" for name in sorted(after - before)]
    return found + [f"{_join(path, name)}: may be missing now" for name in sorted(before - after - removed)]


def _resolved(root: Schema, node: Schema) -> Schema:
    """`node`, or what its `$ref` points to, with the keywords beside the reference."""
    while "$ref" in node:
        target: Schema = root["$defs"][node["$ref"].removeprefix("#/$defs/")]
        node = target | {key: value for key, value in node.items() if key != "$ref"}
    return node


def _join(path: str, step: str) -> str:
    return f"{path}.{step}" if path else step
