"""Edits of JSON text: in place, in the style around them, and undone to the byte."""

import json
from itertools import takewhile
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccfb.client.jsonedit import Document, Hollows, Path, ShapeError, same

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy."""

KEYS = st.one_of(st.sampled_from(["env", "hooks", "a", "ü", '"', "\ud800"]), st.text(max_size=4))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=6,
)
SPACE = st.sampled_from(["", "", "", " ", "\n", "\r\n", "\t", "\n  ", "\r\n\t", "\r", "\n\n    "])


@st.composite
def sources(draw: st.DrawFn, kinds: str = "{[.", least: int = 0, depth: int = 3) -> str:
    """JSON in any formatting that the grammar allows, with keys that stand twice."""
    kind = draw(st.sampled_from(kinds))
    if kind == ".":
        return json.dumps(draw(LEAVES), ensure_ascii=draw(st.booleans()))
    parts = []
    for _ in range(draw(st.integers(least, 3))):
        value = draw(sources("{[." if depth > 1 else ".", depth=depth - 1))
        if kind == "{":
            key = json.dumps(draw(KEYS))
            value = f"{key}{draw(SPACE)}:{draw(SPACE)}{value}"
        parts.append(f"{draw(SPACE)}{value}{draw(SPACE)}")
    return kind + (",".join(parts) or draw(SPACE)) + {"{": "}", "[": "]"}[kind]


@st.composite
def documents(draw: st.DrawFn, least: int = 0) -> str:
    """A settings file: an object, or nothing but white space."""
    source = draw(sources("{", least))
    if not least and draw(st.integers(0, 9)) == 0:
        source = ""
    return draw(SPACE) + source + draw(SPACE)


def paths_in(value: Any, path: Path = ()) -> list[Path]:
    """All paths of a parsed document."""
    found = [path]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths_in(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths_in(inner, (*path, index))
    return found


def parsed(text: str) -> Any:
    return json.loads(text) if text.strip(" \t\r\n") else {}


def alike(one: str, other: str) -> int:
    """How many characters two texts have in common from the start."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def with_value(root: Any, path: Path, value: Any) -> Any:
    """What the parsed document is after `set`."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if isinstance(root, list):
        return [
            with_value(inner, rest, value) if i == key else inner for i, inner in enumerate(root)
        ]
    return {**root, key: with_value(root.get(key, {}), rest, value)}


@CALM
@given(documents(), st.data())
def test_setting_a_value_changes_nothing_else(text: str, data: st.DataObject) -> None:
    """What stood before and behind an edit is there byte for byte."""
    doc = Document(text)
    parent = data.draw(st.sampled_from(paths_in(parsed(text))))
    path = (*parent, *data.draw(st.lists(KEYS, min_size=1, max_size=3)))
    value = data.draw(VALUES)
    try:
        doc.set(path, value)
    except ShapeError:
        assert doc.text == text
        return
    assert same(parsed(doc.text), with_value(parsed(text), path, value))
    assert same(doc.get(path), value)
    start = alike(text, doc.text)
    end = alike(text[start:][::-1], doc.text[start:][::-1])
    lost = text[start : len(text) - end]
    replaced = Document(text).raw(path)
    assert not lost.strip() or (replaced is not None and lost in replaced)


@CALM
@given(documents(), st.data())
def test_an_insertion_is_undone_to_the_byte(text: str, data: st.DataObject) -> None:
    """In every formatting, with parents that had to be created, and after any JSON detour of
    the memory."""
    doc, hollows = Document(text), Hollows()
    parent = data.draw(st.sampled_from(paths_in(parsed(text))))
    path = (*parent, *data.draw(st.lists(KEYS, min_size=1, max_size=3)))
    if doc.raw(path) is not None:
        return
    try:
        doc.set(path, data.draw(VALUES), hollows)
    except ShapeError:
        return
    assert doc.remove(path, json.loads(json.dumps(hollows)))
    assert doc.text == text


@CALM
@given(documents(), st.data())
def test_an_appended_item_is_undone_to_the_byte(text: str, data: st.DataObject) -> None:
    doc, hollows = Document(text), Hollows()
    parent = data.draw(st.sampled_from(paths_in(parsed(text))))
    path = (*parent, *data.draw(st.lists(KEYS, min_size=0 if parent else 1, max_size=2)))
    before = doc.get(path, [])
    try:
        doc.append(path, data.draw(VALUES), hollows)
    except ShapeError:
        assert doc.text == text
        return
    assert len(doc.get(path)) == len(before) + 1
    assert doc.remove((*path, len(before)), hollows)
    assert doc.text == text


@CALM
@given(documents(), st.data())
def test_many_insertions_are_undone_in_any_order(text: str, data: st.DataObject) -> None:
    """Whichever goes last takes the parents with it that we created."""
    doc, hollows = Document(text), Hollows()
    tops = data.draw(st.lists(KEYS, min_size=1, max_size=2))
    taken = data.draw(st.sets(st.tuples(st.sampled_from(tops), KEYS), min_size=1, max_size=5))
    paths = [path for path in taken if isinstance(doc.get(path[:1], {}), dict)]
    paths = [path for path in paths if doc.raw(path) is None]
    for path in paths:
        doc.set(path, data.draw(VALUES), hollows)
    for path in data.draw(st.permutations(paths)):
        assert doc.remove(path, hollows)
    assert doc.text == text
    assert not hollows or not paths


@CALM
@given(documents(least=1), st.data())
def test_a_replaced_value_is_put_back_to_the_byte(text: str, data: st.DataObject) -> None:
    doc = Document(text)
    path = data.draw(st.sampled_from(paths_in(parsed(text))[1:]))
    source = doc.raw(path)
    assert source is not None
    assert same(json.loads(source), doc.get(path))
    doc.set(path, data.draw(VALUES))
    doc.set_raw(path, source)
    assert doc.text == text


@CALM
@given(documents(least=1), st.data())
def test_a_removed_value_is_gone(text: str, data: st.DataObject) -> None:
    """Of keys that stand twice, both go: the other one must not come to light."""
    doc = Document(text)
    path = data.draw(st.sampled_from(paths_in(parsed(text))[1:]))
    siblings = doc.get(path[:-1])
    assert doc.remove(path)
    left = doc.get(path[:-1])
    assert (
        same(left, [v for i, v in enumerate(siblings) if i != path[-1]])
        if isinstance(left, list)
        else same(left, {k: v for k, v in siblings.items() if k != path[-1]})
    )


@settings(CALM, max_examples=300)
@given(st.text(alphabet='{}[]",:0-1.eE \n\t\ud800ntrueflasI\\u\x00\xa0\ufeff', max_size=12))
def test_only_json_is_taken_for_json(text: str) -> None:
    """As `JSON.parse` has it: no `NaN`, no comments, no white space beyond the four."""
    try:
        json.loads(text, parse_constant=lambda name: pytest.fail(name) and None)
        fine = not text.startswith("\ufeff")
    except (ValueError, pytest.fail.Exception):
        fine = not text.strip(" \t\r\n")
    try:
        Document(text)
    except ValueError:
        assert not fine
    else:
        assert fine


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", '{"a":1}}', "{'a':1}", "[" * 100_000])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - what the words are is the decoder's affair
        Document(text)


STYLES = {
    "two spaces": ('{\n  "a": 1\n}\n', '{\n  "a": 1,\n  "env": {\n    "X": "y"\n  }\n}\n'),
    "four spaces": ('{\n    "a": 1\n}', '{\n    "a": 1,\n    "env": {\n        "X": "y"\n    }\n}'),
    "tabs": ('{\n\t"a":1\n}', '{\n\t"a":1,\n\t"env":{\n\t\t"X":"y"\n\t}\n}'),
    "crlf": ('{\r\n  "a": 1\r\n}', '{\r\n  "a": 1,\r\n  "env": {\r\n    "X": "y"\r\n  }\r\n}'),
    "one line": ('{"a": 1}', '{"a": 1, "env": {"X": "y"}}'),
    "one tight line": ('{"a":1}', '{"a":1,"env":{"X":"y"}}'),
    "one padded line": ('{ "a": 1, "b": 2 }', '{ "a": 1, "b": 2, "env": {"X": "y"} }'),
    "spaced colons": ('{\n "a" : 1\n}', '{\n "a" : 1,\n "env" : {\n  "X" : "y"\n }\n}'),
    "no indentation": ('{\n"a": 1\n}', '{\n"a": 1,\n"env": {\n"X": "y"\n}\n}'),
    "empty object": ("{}", '{\n  "env": {\n    "X": "y"\n  }\n}'),
    "empty file": ("", '{\n  "env": {\n    "X": "y"\n  }\n}'),
    "a line end only": ("\n", '{\n  "env": {\n    "X": "y"\n  }\n}\n'),
    "empty parent": (
        '{\n  "env": {},\n  "b": 2\n}',
        '{\n  "env": {\n    "X": "y"\n  },\n  "b": 2\n}',
    ),
    "empty parent on one line": ('{"env": {}, "b": 2}', '{"env": {"X": "y"}, "b": 2}'),
    "a one-line parent": (
        '{\n  "env": {"A": "b"}\n}',
        '{\n  "env": {"A": "b", "X": "y"}\n}',
    ),
    "a blank line between": ('{\n\n  "a": 1,\n\n  "b": 2\n}', None),
    "a parent that stands twice": (
        '{"env": {"X": "z"}, "env": {"A": "b"}}',
        '{"env": {"X": "z"}, "env": {"A": "b", "X": "y"}}',
    ),
}


@pytest.mark.parametrize(("before", "after"), STYLES.values(), ids=STYLES)
def test_an_insertion_takes_the_style_around_it(before: str, after: str | None) -> None:
    doc, hollows = Document(before), Hollows()
    doc.set(("env", "X"), "y", hollows)
    assert after in {None, doc.text}
    doc.remove(("env", "X"), hollows)
    assert doc.text == before


def test_a_value_that_is_there_already_stays_as_it_is_written() -> None:
    doc = Document('{"a": "\\u0041", "b": [ 1 ]}')
    doc.set(("a",), "A")
    doc.set(("b",), [1])
    assert doc.text == '{"a": "\\u0041", "b": [ 1 ]}'


def test_true_is_not_one() -> None:
    doc = Document('{"a": true}')
    doc.set(("a",), 1)
    assert doc.text == '{"a": 1}'


def test_the_last_of_equal_keys_counts() -> None:
    doc = Document('{"a": 1, "a": 2}')
    assert doc.get(("a",)) == 2
    doc.set(("a",), 3)
    assert doc.text == '{"a": 1, "a": 3}'
    assert doc.remove(("a",))
    assert doc.text == "{}"


def test_letters_stay_readable_but_lone_surrogates_are_escaped() -> None:
    doc = Document("{}")
    doc.set(("ü",), "\ud800")
    assert doc.text == '{\n  "ü": "\\ud800"\n}'


def test_what_is_absent_is_told_from_null() -> None:
    doc = Document('{"a": null}')
    assert doc.raw(("a",)) == "null"
    assert doc.raw(("b",)) is None
    assert doc.get(("b",), "none") == "none"
    assert not doc.remove(("b",))
    with pytest.raises(KeyError):
        doc.set_raw(("b",), "1")


@pytest.mark.parametrize(
    ("text", "path", "obstacle"),
    [
        ('{"env": null}', ("env", "X"), "`env`"),
        ('{"hooks": {"Stop": "no"}}', ("hooks", "Stop", "x"), "`hooks.Stop`"),
        ('{"hooks": []}', ("hooks", "Stop"), "`hooks`"),
        ("[]", ("a",), "`the file`"),
        ("1", ("a",), "`the file`"),
    ],
)
def test_an_obstacle_is_named(text: str, path: Path, obstacle: str) -> None:
    doc = Document(text)
    with pytest.raises(ShapeError, match=obstacle):
        doc.set(path, 1)
    assert doc.text == text


def test_only_arrays_can_be_appended_to() -> None:
    with pytest.raises(ShapeError, match="`a`"):
        Document('{"a": {}}').append(("a",), 1)
    with pytest.raises(ShapeError, match="`a`"):
        Document('{"a": 1}').append(("a",), 1)


def test_a_container_that_was_not_ours_stays_when_its_last_member_goes() -> None:
    doc = Document('{"env": {"theirs": 1}}')
    hollows: Hollows = {}
    doc.set(("env", "ours"), 1, hollows)
    doc.remove(("env", "theirs"))
    doc.remove(("env", "ours"), hollows)
    assert doc.text == '{"env": {}}'
