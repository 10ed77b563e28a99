"""What a key takes, in words, from the types of its configuration."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

Schema = Mapping[str, Any]


class Allowed:
    """The values that a configuration's keys take, by its JSON schema."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._root: Schema = model.model_json_schema()

    def words(self, key: str, config: Mapping[Any, Any]) -> str | None:
        """As in `≥ 1, or auto`; empty where any text will do, or where the value says it.

        `config` says which of several classes of options a group has. None: the key names its
        option, and is chosen with it, or the option that is chosen has no such key.
        """
        schema: Schema | None = self._root
        value: Any = config
        for part in key.split("."):
            schema = None if schema is None else self._part(self._own(schema, value), part)
            value = value.get(part) if isinstance(value, Mapping) else None
        if schema is None:
            return None
        if "const" in self._own(schema, value):
            return None
        several = list(dict.fromkeys(filter(None, self._alternatives(schema))))
        return "" if several == ["null"] else ", or ".join(several)

    def _part(self, schema: Schema, part: str) -> Schema | None:
        properties: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties")
        found: Schema | None = properties.get(part, others)
        return found if isinstance(found, Mapping) else None

    def _own(self, schema: Schema, value: Any) -> Schema:
        """A schema without references, and of several that of the value."""
        if "$ref" in schema:
            return self._own(self._root["$defs"][schema["$ref"].rpartition("/")[2]], value)
        if (choice := schema.get("discriminator")) and isinstance(value, Mapping):
            reference = choice["mapping"].get(str(value.get(choice["propertyName"])))
            return self._own({"$ref": reference}, value) if reference else schema
        if "anyOf" in schema:
            return next(
                (
                    each
                    for each in (self._own(each, value) for each in schema["anyOf"])
                    if each.get("type") == "object"
                ),
                schema,
            )
        return schema

    def _alternatives(self, schema: Schema) -> list[str]:
        if "$ref" in schema:
            return self._alternatives(self._own(schema, None))
        if "anyOf" in schema:
            return [words for each in schema["anyOf"] for words in self._alternatives(each)]
        return [_in_words(schema)]


def _in_words(schema: Schema) -> str:
    if "enum" in schema:
        return ", ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    match schema.get("type"):
        case "integer" | "number":
            return _bounds(schema)
        case "null":
            return "null"
        case "array" if each := schema.get("items", {}).get("enum"):
            return f"a list of {', '.join(each)}"
    return ""


def _bounds(schema: Schema) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{low:,} to {high:,}"
    signs = {"≥": low, ">": above, "≤": high, "<": below}
    return " and ".join(f"{sign} {bound:,}" for sign, bound in signs.items() if bound is not None)
