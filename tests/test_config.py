"""What the user says is taken at its word, and what can't be read is never guessed."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastjsonschema
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from ccfb import config, files, paths
from ccfb.config import (
    Budget,
    CommandKey,
    Config,
    Models,
    StoredKey,
    VariableKey,
    WindowRules,
    compile,  # noqa: A004 - the module's name
    earlier,
    schema,
    wrong,
)
from ccfb.errors import CcfbError

Json = dict[str, Any]

TOKEN = "s3cret-t0ken"


def write(content: str | bytes | Json) -> Path:
    """Write `config.json` as somebody with an editor does."""
    path = Path(paths.own("config.json"))
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, dict):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def stands() -> Json:
    """What stands in `config.json`."""
    values: Json = json.loads(Path(paths.own("config.json")).read_text())
    return values


def error() -> CcfbError:
    """What is wrong with `config.json`; places are told without the folder."""
    with pytest.raises(CcfbError) as caught:
        config.load()
    caught.value.message = caught.value.message.replace(paths.own(""), "")
    return caught.value


# Without a word


def test_without_a_file_a_question_is_asked_and_nothing_spent() -> None:
    assert config.load() == Config(mode="ask", headless="no", keys={}, models={})
    assert config.load().budget == Budget(session=None, window=None, day=None, month=None)


@pytest.mark.parametrize(
    ("name", "policy"),
    [
        ("five_hour", "switch"),
        ("seven_day", "ask"),
        ("seven_day_opus", "ask"),
        ("one_of_tomorrow", "ask"),
        ("outage", "wait"),
    ],
)
def test_each_window_has_rules_of_its_own(name: str, policy: str) -> None:
    assert Config().window(name) == WindowRules(policy=policy, switch_at=95, back_at=50)


@pytest.mark.parametrize(
    ("name", "said", "rules"),
    [
        ("seven_day", {"policy": "switch"}, ("switch", 95, 50)),
        ("five_hour", {"policy": "ask"}, ("ask", 95, 50)),
        ("five_hour", {"switch_at": 90.5}, ("switch", 90.5, 50)),
        ("outage", {"switch_at": 90}, ("wait", 90, 50)),
        ("seven_day_opus", {"policy": "downgrade:sonnet"}, ("downgrade:sonnet", 95, 50)),
        ("seven_day", {"policy": "downgrade:opus[1m]"}, ("downgrade:opus[1m]", 95, 50)),
        ("one_of_tomorrow", {"back_at": 0}, ("ask", 95, 0)),
    ],
)
def test_a_part_of_a_window_may_be_said(
    name: str, said: Json, rules: tuple[str, float, float]
) -> None:
    write({"windows": {name: said}})
    chosen = config.load()
    policy, switch_at, back_at = rules
    assert chosen.window(name) == WindowRules(policy=policy, switch_at=switch_at, back_at=back_at)
    assert list(chosen.windows) == [name]


# Saving


def test_what_is_saved_is_loaded() -> None:
    chosen = Config(
        mode="auto",
        providers=["openrouter", "anthropic"],
        keys={
            "anthropic": CommandKey(source="command", command="pass show it"),
            "openrouter": VariableKey(source="variable", name="KEY"),
        },
        models={"openrouter": Models(opus="some/model")},
        windows={"five_hour": WindowRules(policy="ask"), "seven_day": WindowRules(switch_at=80)},
        budget=Budget(day=20),
        status_line="{billing}",
    )
    config.save(chosen)
    assert config.load() == chosen
    config.save(Config())
    assert config.load() == Config()


def test_the_file_holds_only_what_was_said() -> None:
    config.save(Config(mode="auto", keys={"anthropic": StoredKey(source="keychain")}))
    path = Path(paths.own("config.json"))
    assert path.read_text() == (
        '{\n  "$schema": "./config.schema.json",\n  "mode": "auto",\n  "keys": {\n'
        '    "anthropic": {\n      "source": "keychain"\n    }\n  }\n}\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_somebody_wrote_by_hand_stays() -> None:
    """The order, defaults that are said, and an earlier tool's options, when a key is set."""
    by_hand = {
        "windows": {"five_hour": {"switch_at": 95}, "outage": {}},
        "auto_switch": True,
        "mode": "ask",
        "$schema": "https://elsewhere/schema.json",
    }
    write(by_hand)
    chosen = config.load()
    keys: Json = {"keys": {"anthropic": StoredKey(source="file")}}
    config.save(chosen.model_copy(update=keys))
    assert stands() == {**by_hand, "keys": {"anthropic": {"source": "file"}}}
    assert list(stands())[1:] == ["windows", "auto_switch", "mode", "keys"]


def test_another_source_of_a_key_leaves_nothing_of_the_one_before() -> None:
    config.save(Config(keys={"anthropic": VariableKey(source="variable", name="KEY")}))
    config.save(Config(keys={"anthropic": StoredKey(source="file")}))
    assert stands()["keys"] == {"anthropic": {"source": "file"}}
    config.save(Config())
    assert not stands().get("keys")


def test_todays_word_is_written_where_an_earlier_one_said_something_else() -> None:
    write({"auto_switch": True, "cost_limit_per_session": 5})
    config.save(Config(mode="ask"))
    assert config.load() == Config(mode="ask")


def test_a_file_with_errors_is_not_written_over() -> None:
    path = write('{"mode": "on"}')
    with pytest.raises(CcfbError):
        config.save(Config(mode="auto"))
    with pytest.raises(ValidationError):
        config.write({"mode": "on"})
    assert path.read_text() == '{"mode": "on"}'


def test_a_symlink_stays_one(tmp_path: Path) -> None:
    """Some keep their configuration elsewhere, with their other dotfiles."""
    path = write("{}")
    elsewhere = tmp_path / "dotfiles.json"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    config.save(Config(mode="auto"))
    assert path.is_symlink()
    assert config.load().mode == "auto"
    assert elsewhere.exists()


def test_claude_config_dir_is_honoured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    config.save(Config(mode="auto"))
    assert (tmp_path / "elsewhere" / "ccfb" / "config.json").exists()
    assert config.load().mode == "auto"


def test_every_provider_that_can_be_named_exists() -> None:
    from ccfb import providers  # noqa: PLC0415

    assert set(config.PROVIDERS) == set(providers.ALL)


# What is wrong


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "line 1, column 1: Input is a zero-length, empty document."),
        ('{\n"mode": auto}', "line 2, column 9: unexpected character, expected a JSON value."),
        ('{\n  "mode": "auto",\n}', "line 2, column 17: trailing comma is not allowed."),
        (b"\xff\xfe{}", "line 1, column 1: str is not valid UTF-8: surrogates not allowed."),
        ("[]", "line 1: allowed is an object, in braces."),
        ('"ask"', "line 1: allowed is an object, in braces."),
        ('{"mode": "on"}', 'line 1: mode is "on": allowed is ask, auto, notify or off.'),
        ('{"mode": true}', "line 1: mode is true: allowed is ask, auto, notify or off."),
        ('{\n"headless": false}', "line 2: headless is false: allowed is no or yes."),
        ('{"mod": "auto"}', "line 1: mod: no such option. Did you mean mode?"),
        (
            '{"windows": {\n"five_hour": {\n"policy": "switch",\n"switch_at": 120}}}',
            "line 4: windows.five_hour.switch_at is 120: allowed is a number above 0, at most 100.",
        ),
        (
            '{"windows": {"five_hour": {"switch_at": "95"}}}',
            (
                'line 1: windows.five_hour.switch_at is "95": allowed is a number above 0, at most '
                "100."
            ),
        ),
        (
            '{"windows": {"five_hour": {"polcy": "ask"}}}',
            "line 1: windows.five_hour.polcy: no such option. Did you mean policy?",
        ),
        (
            '{"windows": {"seven_day": {"policy": "downgrade"}}}',
            (
                'line 1: windows.seven_day.policy is "downgrade": allowed is switch, ask, wait or '
                "downgrade:<model>."
            ),
        ),
        (
            '{"windows": {"seven_day": {\n"switch_at": 40}}}',
            "line 1: windows.seven_day: back_at (50) has to be below switch_at (40).",
        ),
        ('{"windows": []}', "line 1: windows is an empty list: allowed is an object."),
        (
            '{"budget": {"day": 0}}',
            "line 1: budget.day is 0: allowed is a number above 0 or null.",
        ),
        (
            '{"budget": {"day": true}}',
            "line 1: budget.day is true: allowed is a number above 0 or null.",
        ),
        (
            '{"budget": {"year": 1}}',
            "line 1: budget.year: no such option. There are: session, window, day, month.",
        ),
        (
            '{"sources": {"usage_endpoint": {"every": 1}}}',
            "line 1: sources.usage_endpoint.every is 1: allowed is a number at least 60.",
        ),
        (
            '{"providers": ["anthropic",\n"nobody"]}',
            'line 2: providers.1 is "nobody": allowed is anthropic or openrouter.',
        ),
        (
            '{"providers": "anthropic"}',
            (
                'line 1: providers is "anthropic": allowed is a list of at least 1, each anthropic '
                "or openrouter."
            ),
        ),
        (
            '{"providers": []}',
            (
                "line 1: providers is an empty list: allowed is a list of at least 1, each "
                "anthropic or openrouter."
            ),
        ),
        (
            '{"providers": ["anthropic", "anthropic"]}',
            "line 1: providers: each may stand there once.",
        ),
        (
            '{"models": {"anthropic": {"opus": 5}}}',
            "line 1: models.anthropic.opus is 5: allowed is a text or null.",
        ),
        (
            '{"models": {"openruter": {}}}',
            "line 1: models.openruter: no such option. Did you mean openrouter?",
        ),
        (
            '{"alerts": {"at": [50, 101]}}',
            "line 1: alerts.at.1 is 101: allowed is a whole number from 1 to 100.",
        ),
        (
            '{"notify_at_percentage": 0.8}',
            (
                "line 1: notify_at_percentage is 0.8: allowed is a whole number from 1 to 100 or a "
                "list, each a whole number from 1 to 100."
            ),
        ),
        ('{"auto_switch": "yes"}', 'line 1: auto_switch is "yes": allowed is true or false.'),
        ('{"auto_switch": null}', "line 1: auto_switch is null: allowed is true or false."),
        (
            '{"keys": {\n"anthropic": {"source": "variable"}}}',
            "line 2: keys.anthropic: that says in no known way where a key comes from.",
        ),
        (
            '{"keys": {"gemini": {"source": "file"}}}',
            "line 1: keys: that says in no known way where a key comes from.",
        ),
        (
            '{"mode": "auto",\n"mode": "on"}',
            'line 2: mode is "on": allowed is ask, auto, notify or off.',
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_line_and_what_is_allowed(
    content: str | bytes, message: str
) -> None:
    write(content)
    told = error()
    assert (told.reference, told.message) == ("config-invalid", f"config.json, {message}")
    assert told.hint == "Correct it; until then nothing is switched."


def test_everything_that_is_wrong_is_told_at_once_by_line() -> None:
    write('{\n"mode": 5,\n"budget": {"week": 1},\n"headless": "ask"\n}')
    assert error().message.splitlines() == [
        "config.json, line 2: mode is 5: allowed is ask, auto, notify or off.",
        "line 3: budget.week: no such option. There are: session, window, day, month.",
        'line 4: headless is "ask": allowed is no or yes.',
    ]


def test_of_many_errors_the_first_five_are_told() -> None:
    write({"budget": {f"x{number}": 1 for number in range(8)}})
    *told, last = error().message.splitlines()
    assert len(told) == 5
    assert last == "And 3 more."


def test_a_file_that_cant_be_read_is_an_error_of_ours() -> None:
    """Anything else would keep the engine from coming back to the plan."""
    Path(paths.own("config.json")).mkdir(parents=True)
    assert error().reference == "config-unreadable"
    assert "Correct its permissions" in error().hint


wherever = st.sampled_from(
    [
        '{"api_key": [TOKEN]}',
        '{"api_key": {"anthropic": TOKEN}}',
        '{"api_key": TOKEN, "mode": "on"}',
        '{"keys": {"anthropic": TOKEN}}',
        '{"keys": {TOKEN: {"source": "file"}}}',
        '{"keys": {"anthropic": {"source": TOKEN}}}',
        '{"keys": {"anthropic": {"source": "file", TOKEN: 1}}}',
        '{"keys": {"anthropic": {"source": "command", "command": {"run": TOKEN}}}}',
        '{"keys": TOKEN}',
        '{"keys": [TOKEN]}',
        '{"alerts": {"urls": [TOKEN]}}',
        '{"alerts": {"urls": TOKEN}}',
        '{"alerts": {"urls": {TOKEN: true}}}',
        '{"alerts": {"urls": ["json://host", {"url": TOKEN}]}}',
        '{"alerts": {"url": TOKEN}}',
        '{"alerts": TOKEN}',
        '{"alerts": [TOKEN]}',
        '{"urls": [TOKEN]}',
        '{"anthropic": TOKEN}',
    ]
)


@settings(deadline=None)
@given(wherever, st.text("abcdefXYZ0123456789-_", min_size=12, max_size=100))
def test_nothing_is_repeated_from_where_keys_and_tokens_stand(template: str, token: str) -> None:
    text = template.replace("TOKEN", json.dumps(token))
    values = json.loads(text)
    with pytest.raises(ValidationError) as caught:
        earlier.File.model_validate(values)
    assert token not in wrong.lines(wrong.explain(caught.value, values), text, "config.json")


@pytest.mark.parametrize("secret", ["sk-ant-api03-1", f"slack://{TOKEN}/b/c", "x" * 100])
@pytest.mark.parametrize(
    "template", ['{"mode": %s}', "{%s: 1}", '{"providers": [%s]}', '{"windows": {%s: 1}}', "%s"]
)
def test_what_looks_like_a_key_or_a_token_is_repeated_nowhere(template: str, secret: str) -> None:
    write(template % json.dumps(secret))
    assert secret not in error().message


places = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
)


@settings(deadline=None)
@given(places, st.sampled_from([None, 0, 2, "\t"]), st.data())
def test_the_line_of_any_member_is_found(value: Any, indent: Any, data: st.DataObject) -> None:
    """A marker is put somewhere; its line is where it stands in the text."""
    marker = "\0here"
    root: Any = {"root": value}
    place: list[Any] = ["root"]
    while isinstance(value, dict | list) and value and data.draw(st.booleans()):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        place.append(data.draw(st.sampled_from(keys)))
        value = value[place[-1]]
    inner = root
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = marker
    text = "\n" + json.dumps(root, indent=indent)
    before, *_ = text.partition(json.dumps(marker))
    assert wrong.line(text, tuple(place)) == before.count("\n") + 1


# Options of an earlier tool


@pytest.mark.parametrize(
    ("said", "today"),
    [
        ({"auto_switch": True}, {"mode": "auto"}),
        ({"auto_switch": False}, {"mode": "notify"}),
        ({"prompt_before_switch": True}, {"mode": "ask"}),
        ({"prompt_before_switch": True, "auto_switch": True}, {"mode": "ask"}),
        ({"prompt_before_switch": True, "auto_switch": False}, {"mode": "ask"}),
        ({"prompt_before_switch": False, "auto_switch": True}, {"mode": "auto"}),
        ({"prompt_before_switch": False, "auto_switch": False}, {"mode": "notify"}),
        ({"prompt_before_switch": False}, {}),
        ({"auto_switch": True, "mode": "off"}, {"mode": "off"}),
        ({"cost_limit_per_session": 2.5}, {"budget": {"session": 2.5}}),
        (
            {"cost_limit_per_session": 2.5, "budget": {"day": 9}},
            {"budget": {"session": 2.5, "day": 9}},
        ),
        (
            {"cost_limit_per_session": 2.5, "budget": {"session": None}},
            {"budget": {"session": None}},
        ),
        ({"notify_at_percentage": 80}, {"alerts": {"at": [80]}}),
        ({"notify_at_percentage": [50, 95]}, {"alerts": {"at": [50, 95]}}),
        (
            {"notify_at_percentage": 80, "alerts": {"desktop": False}},
            {"alerts": {"at": [80], "desktop": False}},
        ),
        ({"notify_at_percentage": 80, "alerts": {"at": []}}, {"alerts": {"at": []}}),
        ({"log_usage": False}, {}),
        ({"auto_revert_on_reset": True}, {}),
        ({"auto_revert_on_reset": False}, {}),
        ({"api_key": "sk-ant-api03-1"}, {}),
        ({"$schema": "./config.schema.json"}, {}),
    ],
    ids=str,
)
def test_an_earlier_option_means_what_it_meant_and_todays_wins(said: Json, today: Json) -> None:
    path = write(said)
    assert config.load() == Config.model_validate(today)
    assert json.loads(path.read_text()) == said, "reading writes nothing"
    assert not Path(paths.own("keys")).exists()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"auto_switch": True}, "Understood as mode: auto."),
        ({"auto_switch": True, "mode": "ask"}, "Without effect, as mode is set too."),
        ({"prompt_before_switch": True}, "Understood as mode: ask."),
        ({"prompt_before_switch": False}, "Without effect: auto_switch isn't set."),
        ({"cost_limit_per_session": 5}, "Understood as budget.session: 5."),
        ({"notify_at_percentage": [50, 80]}, "Understood as alerts.at: 50,80."),
        (
            {"log_usage": False},
            "Without effect: what was switched and spent is always written down.",
        ),
        (
            {"auto_revert_on_reset": False},
            "Without effect: at the reset billing goes back; `ccfb use` stays.",
        ),
        ({"api_key": "sk-ant-api03-1"}, "Not used as long as it lies in this file."),
        ({"api_key": "two words"}, "Not used: that is no key."),
        (
            {"api_key": "sk-or-v1", "keys": {"openrouter": {"source": "file"}}},
            "Not used, as keys.openrouter is set too.",
        ),
    ],
    ids=str,
)
def test_each_earlier_option_is_told_with_what_it_does(said: Json, word: str) -> None:
    write(said)
    ((option, meaning, hint),) = config.words()
    assert (option, meaning) == (next(iter(said)), word)
    assert hint.startswith("ccfb config ")


def test_a_window_that_is_probably_misspelt_is_told() -> None:
    """It can't be forbidden: plans get new windows."""
    write({"windows": {"five_hours": {}, "seven_day": {}, "one_of_tomorrow": {}}})
    ((option, _, hint),) = config.words()
    assert (option, hint) == ("windows.five_hours", "Did you mean five_hour?")


def test_of_a_file_that_is_wrong_there_are_no_words() -> None:
    write({"auto_switch": True, "mode": "on"})
    assert config.words() == []


# What is in force


def test_while_the_file_is_wrong_the_last_good_configuration_stays_in_force() -> None:
    good = {"mode": "auto", "budget": {"day": 5}}
    write(good)
    assert config.in_force() == (Config.model_validate(good), None)
    write('{"mode": "off"')
    chosen, problem = config.in_force()
    assert chosen == Config.model_validate(good)
    assert problem
    assert problem.reference == "config-invalid"
    assert "the last good configuration stays in force" in problem.hint
    write({"mode": "notify"})
    assert config.in_force() == (Config(mode="notify"), None)


def test_one_that_cant_be_read_leaves_it_in_force_too() -> None:
    path = write({"mode": "auto"})
    config.in_force()
    path.unlink()
    path.mkdir()
    assert config.in_force()[0].mode == "auto"


@pytest.mark.parametrize("copy", [None, "", '{"mode": "on"}', "[]"])
def test_without_a_good_one_nothing_is_switched(copy: str | None) -> None:
    write("{")
    if copy is not None:
        Path(paths.own("config.good.json")).write_text(copy)
    assert config.in_force()[0] == Config(mode="off")


def test_a_file_that_is_gone_is_the_users_word_too() -> None:
    path = write({"mode": "auto"})
    config.in_force()
    path.unlink()
    assert config.in_force() == (Config(), None)
    write("{")
    assert config.in_force()[0] == Config()


def test_the_copy_is_for_the_users_eyes_only_and_without_the_key() -> None:
    """It holds the tokens of `alerts.urls`, and says in today's words what is in force."""
    url = f"slack://{TOKEN}/b/c"
    write({"api_key": "sk-ant-api03-1", "auto_switch": True, "alerts": {"urls": [url]}})
    config.in_force()
    path = Path(paths.own("config.good.json"))
    assert json.loads(path.read_text()) == {"mode": "auto", "alerts": {"urls": [url]}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_it_can_be_asked_for_without_a_trace(home: Path) -> None:
    write({"mode": "auto"})
    before = sorted(home.rglob("*"))
    assert config.in_force(keep=False)[0].mode == "auto"
    assert sorted(home.rglob("*")) == before


def test_where_there_is_nothing_nothing_is_made(home: Path) -> None:
    config.in_force()
    assert not list(home.iterdir())


def test_a_copy_that_cant_be_written_stops_nothing() -> None:
    write({"mode": "auto"})
    Path(paths.own("config.good.json")).mkdir()
    assert config.in_force()[0].mode == "auto"


def test_hooks_that_look_at_once_never_see_half_of_it(home: Path) -> None:
    """While somebody breaks and mends the file, each of them acts on what was last right."""
    write({"mode": "auto"})
    config.in_force()
    look = "from ccfb import config\nfor _ in range(200): print(config.in_force()[0].mode)"
    env = {"HOME": str(home), "PATH": os.defpath}
    hooks = [
        subprocess.Popen([sys.executable, "-c", look], env=env, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    while any(hook.poll() is None for hook in hooks):
        for content in (b'{"mode": "auto"', b'{"mode": "auto", "budget": {"day": 1}}'):
            files.replace(paths.own("config.json"), content)
    seen = [hook.communicate()[0].split() for hook in hooks]
    assert seen == [[b"auto"] * 200] * 3


# For editors


def test_the_published_schema_is_the_models() -> None:
    """Otherwise: python -m ccfb.config.compile."""
    assert Path(schema.PATH).read_bytes() == compile.render()


def test_every_option_of_an_earlier_tool_is_struck_out_in_editors() -> None:
    properties = orjson.loads(compile.render())["properties"]
    deprecated = {name for name, node in properties.items() if node.get("deprecated")}
    assert deprecated == set(earlier.OPTIONS)


def test_the_schema_lies_beside_the_file_that_names_it() -> None:
    config.save(Config(mode="auto"))
    beside = Path(paths.own("config.json")).parent / stands()["$schema"]
    assert beside.read_bytes() == Path(schema.PATH).read_bytes()
    beside.write_text("of an older version")
    config.save(Config(mode="off"))
    assert beside.read_bytes() == Path(schema.PATH).read_bytes()


def test_a_schema_of_the_users_own_stays_named() -> None:
    config.write({"$schema": "https://elsewhere/schema.json"})
    assert stands() == {"$schema": "https://elsewhere/schema.json"}


some = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 101),
    st.floats(0, 2_000, allow_nan=False),
    st.sampled_from(["ask", "auto", "switch", "wait", "downgrade:x", "yes", "a://b", "file", ""]),
    st.lists(st.sampled_from(["anthropic", "openrouter", "a://b", 0, 50, 101]), max_size=3),
    st.just({}),
)


@st.composite
def configurations(draw: st.DrawFn) -> Json:
    """A file with something in some places, and most often the right kind of thing."""
    values: Json = {}
    places: list[Any] = [(*p, "source") if p[0] == "keys" else p for p in schema.leaves()]
    places += [(name,) for name in earlier.OPTIONS]
    for place in draw(st.lists(st.sampled_from(places), max_size=3)):
        inner = values
        for section in place[:-1]:
            inner = inner.setdefault(section, {})
        inner[place[-1]] = draw(some)
    return values


_schema = fastjsonschema.compile(orjson.loads(compile.render()))


@settings(deadline=None)
@given(configurations())
def test_editors_and_the_model_agree(values: Json) -> None:
    """But for what only the model can compare: `back_at` with `switch_at`."""
    try:
        _schema(values)
        editor = True
    except fastjsonschema.JsonSchemaValueException:
        editor = False
    try:
        earlier.File.model_validate(values)
        model = True
    except ValidationError as error:
        found = wrong.explain(error, values)
        model = all("has to be below" in each.text for each in found)
    assert editor == model
