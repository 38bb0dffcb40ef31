"""Makes `config.schema.json` from the model: `python -m ccfb.config.compile`.

Never imported at run time.
"""

from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema

from ccfb.config import schema
from ccfb.config.earlier import File
from ccfb.config.model import POLICIES


class Generator(GenerateJsonSchema):
    """Writes the dialect that editors know best, and no titles that only repeat names."""

    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Fields are called what they are called."""
        return False


def render() -> bytes:
    """The schema as JSON."""
    made = File.model_json_schema(schema_generator=Generator)
    for each in (made, *made["$defs"].values()):
        del each["title"]
    made["properties"]["windows"]["properties"] = {
        name: {"$ref": "#/$defs/WindowRules", "default": {"policy": policy}}
        for name, policy in POLICIES.items()
    }
    whole = {"$schema": Generator.schema_dialect, "title": "ccfb's config.json", **made}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2) + b"\n"


def main() -> None:
    """Write the schema that is shipped with the package."""
    made = render()
    with open(schema.PATH, "wb") as file:
        file.write(made)


if __name__ == "__main__":
    main()
