"""The arrows of the house: who may import whom, and where the client is known."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "ccfb"
MODULES = {
    ".".join(("ccfb", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}

BASE = {"ccfb.errors", "ccfb.paths", "ccfb.config", "ccfb.files"}
PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "itertools",
    "math",
    "operator",
    "pydantic",
    "re",
    "typing",
}
"""Modules that compute, and neither look at the world nor change it."""

ROOMS = {
    # a room, and what it may import from the others
    "ccfb.errors": set(),
    "ccfb.paths": set(),
    "ccfb.files": {"ccfb.paths", "ccfb.errors"},
    "ccfb.plans": set(),
    "ccfb.config": {"ccfb.errors", "ccfb.paths", "ccfb.files", "ccfb.plans"},
    "ccfb.secrets": {"ccfb.errors", "ccfb.paths", "ccfb.files"},
    "ccfb.words": set(),
    "ccfb.gate": {"ccfb.paths", "ccfb.client.signals", "ccfb.engine", "ccfb.statusline"},
    "ccfb.statusline": set(),
    "ccfb.helper": {
        "ccfb.errors",
        "ccfb.gate",
        "ccfb.paths",
        "ccfb.secrets",
        "ccfb.client.signals",
    },
    "ccfb.client": BASE,
    "ccfb.billing": BASE,
    "ccfb.providers": BASE | {"ccfb.secrets"},
    "ccfb.notify": BASE | {"ccfb.gate", "ccfb.logbook"},
    "ccfb.alerts": {"ccfb.billing", "ccfb.notify", "ccfb.words"},
    "ccfb.asking": {"ccfb.billing", "ccfb.words"},
    "ccfb.prices": {"ccfb.errors", "ccfb.paths", "ccfb.files"},
    "ccfb.meter": {"ccfb.client", "ccfb.prices"},
    "ccfb.estimate": {"ccfb.client", "ccfb.meter", "ccfb.prices"},
    "ccfb.report": BASE | {"ccfb.billing", "ccfb.gate", "ccfb.plans", "ccfb.prices", "ccfb.words"},
    "ccfb.usage": BASE | {"ccfb.gate"},
    "ccfb.effects": BASE
    | {"ccfb.billing", "ccfb.client", "ccfb.gate", "ccfb.providers", "ccfb.secrets"}
    | {"ccfb.alerts", "ccfb.notify"},
    "ccfb.engine": BASE
    | {"ccfb.billing", "ccfb.client", "ccfb.gate", "ccfb.effects", "ccfb.asking"}
    | {"ccfb.meter", "ccfb.estimate", "ccfb.usage"},
}
"""Rooms that aren't here, such as `ccfb.cli`, may import everything but `ccfb.cli`."""

SEES_NOTHING = ("machine", "model", "events", "rules", "budget")

Import = tuple[str, bool]
"""A module, and whether it is imported as soon as the importing one is."""


def imports(module: str) -> Iterator[Import]:
    """Everything that a module imports, itself or in a function."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node not in inside
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: absolute imports only"
            for name in node.names:
                submodule = f"{node.module}.{name.name}"
                yield submodule if submodule in MODULES else str(node.module), node not in inside


def within(module: str, rooms: set[str]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def ours(module: str) -> set[str]:
    return {name for name, _ in imports(module) if within(name, {"ccfb"})}


@pytest.mark.parametrize("module", MODULES)
def test_arrows_point_down(module: str) -> None:
    for room, allowed in ROOMS.items():
        if within(module, {room}):
            strangers = {name for name in ours(module) if not within(name, allowed | {room})}
            assert not strangers - {"ccfb"}


@pytest.mark.parametrize("module", [name for name in MODULES if not within(name, {"ccfb.cli"})])
def test_nothing_imports_the_command_line(module: str) -> None:
    if module != "ccfb.__main__":
        assert not {name for name in ours(module) if within(name, {"ccfb.cli"})}


@pytest.mark.parametrize("module", [f"ccfb.billing.{name}" for name in SEES_NOTHING])
def test_the_state_machine_sees_nothing_of_the_world(module: str) -> None:
    """No clock, no files, no environment: they are given to it."""
    strangers = {
        name
        for name, _ in imports(module)
        if name.split(".")[0] not in PURE and name.removeprefix("ccfb.billing.") not in SEES_NOTHING
    }
    assert not strangers
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize(
    ("module", "allowed"),
    [
        ("ccfb", set()),
        ("ccfb.client", set()),
        ("ccfb.client.signals", set()),
        ("ccfb.paths", {"os"}),
        (  # `collections.abc` only for types: `test_gate.py` sees that it isn't imported
            "ccfb.gate",
            {"os", "sys", "time", "_json", "collections.abc", "ccfb.paths", "ccfb.client.signals"},
        ),
        ("ccfb.statusline", {"os", "time"}),
    ],
)
def test_what_every_hook_imports_stays_small(module: str, allowed: set[str]) -> None:
    """See `test_gate.py` for what it comes to at run time."""
    assert {name for name, at_once in imports(module) if at_once} <= allowed


@pytest.mark.parametrize("script", sorted((ROOT / "hooks").glob("*.py")), ids=lambda p: p.stem)
def test_a_hook_script_only_opens_the_door(script: Path) -> None:
    """It finds the package, and calls one function: everything else would be run untested."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    names = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert names <= {"os", "sys", "gate", "helper"}
    assert not any(isinstance(node, ast.FunctionDef | ast.If | ast.Try) for node in ast.walk(tree))


CLIENT_WORDS = re.compile(
    r"\bANTHROPIC_[A-Z]|apiKeyHelper|statusLine|asyncRewake|isApiErrorMessage|quotaLimits"
    r"|CLAUDE_CODE_[A-Z]|resetsAt|limit reached|You've hit"
)
"""Names of the client's that may change with its next version: settings, rows, texts."""

KNOWING = {"ccfb.client", "ccfb.drill"}
"""The client's room, and the fake API and the real client that it is tried with."""


def words(module: str) -> Iterator[str]:
    """The strings of a module that do something: not its docstrings."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    told = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


@pytest.mark.parametrize("module", [name for name in MODULES if not within(name, KNOWING)])
def test_only_one_room_knows_the_client(module: str) -> None:
    """Its hooks' names and payload fields are the gate's and the engine's; all else is not."""
    assert not [word for word in words(module) if CLIENT_WORDS.search(word)]
