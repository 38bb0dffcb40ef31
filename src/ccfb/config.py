"""What the user has said: `config.json`."""

from typing import Annotated, Any, Literal, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool, ValidationError, model_validator

from ccfb import files, paths
from ccfb.errors import CcfbError

ProviderName = Literal["anthropic", "openrouter"]
PROVIDERS: tuple[ProviderName, ...] = ("anthropic", "openrouter")


class Strict(BaseModel):
    """A wrong name or value is an error, never a guess."""

    model_config = ConfigDict(extra="forbid")


class StoredKey(Strict):
    """The key lies in the system keychain, or in a file of ours with mode 0600."""

    source: Literal["keychain", "file"]


class VariableKey(Strict):
    """The key is in an environment variable of the shell that starts `claude`."""

    source: Literal["variable"]
    name: str = Field(min_length=1)


class CommandKey(Strict):
    """A command prints the key: `pass show …`, `op read …`."""

    source: Literal["command"]
    command: str = Field(min_length=1)


Key = Annotated[StoredKey | VariableKey | CommandKey, Field(discriminator="source")]


class Models(Strict):
    """Model names at a provider, by the client's three tiers."""

    opus: str | None = None
    sonnet: str | None = None
    haiku: str | None = None


class Alerts(Strict):
    """What the user is told of without looking, and where."""

    at: list[Annotated[int, Field(strict=True, ge=1, le=100)]] = [50, 75, 90]
    """Percentages of a window."""
    desktop: StrictBool = True
    terminal: StrictBool = False
    """By the terminal that `claude` runs in, where a hook may answer."""
    urls: list[Annotated[str, Field(pattern="://")]] = Field(default=[], repr=False)
    """For `apprise`. They hold tokens."""


class Thresholds(Strict):
    """When a window is closed ahead of its limit, and opened again; percent, 0-100."""

    switch_at: float = Field(default=95, gt=0, le=100)
    back_at: float = Field(default=50, ge=0, lt=100)

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if self.back_at >= self.switch_at:
            raise ValueError("back_at has to be below switch_at")
        return self


class Config(Strict):
    """`config.json`; every value has a default that spends nothing."""

    mode: Literal["auto", "off"] = "off"
    """`auto`: at a limit, billing goes over to a provider by itself, and back at the reset."""
    providers: list[ProviderName] = ["anthropic", "openrouter"]
    """In order of preference; the first usable one is taken."""
    keys: dict[ProviderName, Key] = {}
    models: dict[ProviderName, Models] = {}
    alerts: Alerts = Alerts()
    windows: dict[str, Thresholds] = {"five_hour": Thresholds()}
    """Windows in which, with `mode` auto, the switch comes before the limit does."""

    def key_source(self, provider: str) -> dict[str, Any]:
        """Where a provider's key comes from, as `secrets.read` takes it; empty: it has none."""
        sources: dict[str, dict[str, Any]] = self.model_dump(include={"keys"})["keys"]
        return sources.get(provider, {})


SETTABLE = ("mode", "providers")
"""What `ccfb config set` takes; keys are set with `ccfb key set`."""


def load() -> Config:
    """The configuration in force.

    Raises:
        CcfbError: `config-invalid`, with the place and what is allowed; `config-unreadable`.
    """
    path = paths.own("config.json")
    try:
        with open(path, "rb") as file:
            return Config.model_validate(orjson.loads(file.read()))
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise CcfbError(
            "config-unreadable",
            f"{path} can't be read: {error.strerror}.",
            "Correct its permissions, or what stands there; until then nothing is switched.",
        ) from None
    except orjson.JSONDecodeError as error:
        raise CcfbError(
            "config-invalid",
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}.",
            "Correct it; until then nothing is switched.",
        ) from None
    except ValidationError as error:
        raise CcfbError(
            "config-invalid",
            f"{path}: {explain(error)}",
            "Correct it, or see `ccfb config set --help`; until then nothing is switched.",
        ) from None


def save(config: Config) -> None:
    """Write the configuration, without what is only a default."""
    files.make_own_dir()
    content = config.model_dump(mode="json", exclude_defaults=True)
    files.replace(
        paths.own("config.json"), orjson.dumps(content, option=orjson.OPT_INDENT_2) + b"\n"
    )


def explain(error: ValidationError) -> str:
    """The first thing that is wrong: where, what stands there, and what may.

    Nothing below `keys` or `alerts.urls` is repeated, nor what has no place here: somebody may
    have written a key or a token there.
    """
    first = error.errors(include_url=False)[0]
    section, *rest = (str(part) for part in first["loc"] or ("",))
    if section == "keys":
        place = ".".join(["keys", *(part for part in rest[:1] if part in PROVIDERS)])
        return f"{place}: That says in no known way where a key comes from."
    if section == "alerts":
        rest = [part for part in rest if part in Alerts.model_fields or part.isdecimal()]
    place = ".".join([section, *rest]) or "all of it"
    if first["type"] == "extra_forbidden" or (section == "alerts" and rest[:1] in ([], ["urls"])):
        return f"{place}: {first['msg']}."
    return f"{place}: {first['msg']}, not {first['input']!r}."
