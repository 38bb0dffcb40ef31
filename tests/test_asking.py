"""The question and its answers: nothing but a clear yes spends money."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccfb import asking
from ccfb.billing.events import Answered
from ccfb.billing.model import Allowance, Answer, Question, State, Switch

SESSION = "s1"


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("ccfb yes", Answered("yes", None, SESSION)),
        ("  CCFB  Yes  ", Answered("yes", None, SESSION)),
        ("/ccfb yes", Answered("yes", None, SESSION)),
        ("ccfb yes 5", Answered("yes", 5.0, SESSION)),
        ("ccfb yes $0.50", Answered("yes", 0.5, SESSION)),
        ("ccfb yes 5$.", Answered("yes", 5.0, SESSION)),
        ("ccfb no", Answered("no", None, SESSION)),
        ("ccfb wait!", Answered("wait", None, SESSION)),
        ("ccfb noccfb yes 2", Answered("yes", 2.0, SESSION)),
        ("ccfb yes 5ccfb no", Answered("no", None, SESSION)),
        ("ccfb wait ccfb yes .5", Answered("yes", 0.5, SESSION)),
        ("ccfb noyes", None),
        ("ccfb yes 0", None),
        ("ccfb yes -5", None),
        ("ccfb yes 1,5", None),
        ("ccfb yes five", None),
        ("ccfb no 5", None),
        ("ccfb yes 5 10", None),
    ],
)
def test_an_answer_is_clear_or_none(prompt: str, answer: Answered | None) -> None:
    assert asking.meant(prompt), "the model doesn't get it"
    assert asking.parse(prompt, SESSION) == answer


@pytest.mark.parametrize(
    "prompt",
    [
        "yes",
        "what does ccfb yes do?",
        "ccfb",
        "ccfb yesterday",
        "ccfb yes is what I typed before, and then the task went on. Please say why.",
        "run ccfb no",
    ],
)
def test_other_prompts_are_for_the_model(prompt: str) -> None:
    assert not asking.meant(prompt)
    assert asking.parse(prompt, SESSION) is None


@given(st.text(max_size=70))
def test_nothing_but_those_words_is_a_yes(prompt: str) -> None:
    if asking.parse(prompt, SESSION):
        assert asking.meant(prompt)
        assert "ccfb" in prompt.lower()


NOW = 1_800_000_000.0
HOUR = 3_600.0


@pytest.fixture(autouse=True)
def _at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccfb.words.now", lambda: NOW)
    monkeypatch.setattr("ccfb.asking.now", lambda: NOW)
    monkeypatch.setenv("TZ", "UTC")


def asked(window: str = "five_hour", hours: float = 2.0, **values: object) -> Question:
    fields = {"reason": "limit", "provider": "anthropic", "since": NOW, **values}
    return Question.model_validate({"window": window, "resets_at": NOW + hours * HOUR, **fields})


def test_the_question_says_what_until_when_and_at_what_price() -> None:
    text = asking.question(asked(take_over=0.42, per_hour=3.0))
    assert "5-hour limit was hit" in text
    assert "in 2 h" in text
    assert "your anthropic key" in text
    assert "$0.42" in text
    assert "$3.00/h" in text
    assert asking.USAGE in text


def test_before_the_limit_it_says_so() -> None:
    assert "5-hour limit is near" in asking.question(asked(reason="threshold"))


def test_a_weekly_limit_names_the_days_and_an_honest_bill() -> None:
    text = asking.question(asked("seven_day", 50, take_over=1.0, per_hour=4.0))
    assert "weekly limit" in text
    assert "in 2 d 2 h" in text
    assert "$201" in text, "1 + 4 an hour, for 50 hours"


def test_without_a_price_none_is_made_up() -> None:
    assert "$" not in asking.question(asked()).replace(asking.USAGE, "")


def closed(word: str | None = None, *, limit: bool = True, **values: object) -> State:
    state = State(limits={"five_hour": NOW + HOUR})
    if word:
        answer = {"word": word, "resets_at": NOW + HOUR, "limit": limit}
        state.answers["five_hour"] = Answer.model_validate(answer)
    return state.model_copy(update=values)


@pytest.mark.parametrize(
    ("answer", "before", "after", "words"),
    [
        (Answered("yes"), State(), State(), "ccfb use PROVIDER"),
        (Answered("yes"), closed(), closed(), "see ccfb status"),
        (Answered("no"), closed(), closed("no"), "Nothing is billed."),
        (Answered("wait"), closed(), closed("wait"), "Nothing is billed for now."),
        (Answered("wait"), closed(), closed("wait", limit=False), "asked again when it strikes"),
        (Answered("yes"), closed(), closed("yes"), "nothing could be switched"),
    ],
)
def test_an_answer_is_told_what_it_led_to(
    answer: Answered, before: State, after: State, words: str
) -> None:
    assert words in asking.outcome(answer, before, after)


def test_a_yes_is_told_who_is_billed_until_when_and_how_much() -> None:
    switch = Switch.model_validate(
        {
            "provider": "anthropic",
            "reason": "limit",
            "resets_at": NOW + HOUR,
            "since": NOW,
        }
    )
    after = closed("yes", switch=switch, allowance=Allowance(dollars=5.0, since=NOW))
    told = asking.outcome(Answered("yes", 5.0), closed(), after)
    assert told.startswith("Billed to your anthropic key from now on until ")
    assert told.endswith("at most $5.00.")
