"""The question whether to go on: what the user may answer, and in which words it is put."""

import re

from ccfb.billing.budget import MORE, WORDS
from ccfb.billing.events import Answered, Word
from ccfb.billing.model import Question, State
from ccfb.words import biller, clock, now, until, window

UNCAPPED = "with no cap in dollars (ccfb yes 5: at most $5)"

USAGE = "ccfb yes [DOLLARS] · ccfb no · ccfb wait"

_EARLIER = r"(?:/?ccfb\s+(?:yes|no|wait)(?:\s+\$?\d*\.?\d+\$?)?\s*)*?"
"""Newer clients put an answer that was heard back into the prompt box (seen on 2.1.329)."""

_ANSWER = re.compile(
    _EARLIER + r"/?ccfb\s+(?P<word>yes|no|wait)(?:\s+\$?(?P<dollars>\d*\.?\d+)\s*\$?)?[.!]?",
    re.IGNORECASE,
)
_MEANT = re.compile(_EARLIER + r"/?ccfb\s+(yes|no|wait)+(\s+\S+){0,2}[.!]?", re.IGNORECASE)


def meant(prompt: str) -> bool:
    """Whether a prompt is an answer for us, well-formed or not: the model shall not get it."""
    return bool(_MEANT.fullmatch(prompt.strip()))


def parse(prompt: str, session: str | None) -> Answered | None:
    """The answer that a prompt gives; None where it can't be understood."""
    found = _ANSWER.fullmatch(prompt.strip())
    if not found:
        return None
    word: Word = found["word"].lower()  # type: ignore[assignment]
    dollars = float(found["dollars"]) if found["dollars"] else None
    if dollars is not None and (word != "yes" or dollars <= 0):
        return None
    return Answered(word, dollars, session)


def question(asked: Question) -> str:
    """The question, with what going on would cost."""
    name = window(asked.window)
    state = f"The {name} limit was hit" if asked.reason == "limit" else f"The {name} limit is near"
    if asked.window == "outage":
        state = "Claude's servers don't answer"
    lines = [
        f"{state}; it resets {until(asked.resets_at)}.",
        f"Go on with {biller(asked.provider)}?",
        *_price(asked),
        f"Answer: {USAGE}",
    ]
    return "\n".join(lines)


def _price(asked: Question) -> list[str]:
    if asked.take_over is None or asked.per_hour is None:
        return []
    lines = [
        f"About ${asked.take_over:.2f} to take over, then ${asked.per_hour:.2f}/h, in this session."
    ]
    hours = (asked.resets_at - now()) / 3600
    if hours > 1 and asked.per_hour > 0:
        worst = asked.take_over + asked.per_hour * hours
        lines.append(f"Until the reset, if you never pause: about ${worst:,.0f}.")
    return lines


def outcome(answer: Answered, before: State, state: State) -> str:
    """What an answer has led to."""
    if not before.closed:
        return "Nothing is asked now. To bill your key all the same: ccfb use PROVIDER"
    if not state.answers:
        return "Nothing is asked: see ccfb status, and ccfb config show for your policies."
    if answer.word != "yes":
        return _declined(answer.word, state)
    if state.stopped:
        return f"The budget is used up ({WORDS[state.stopped]}). {MORE[state.stopped]}"
    if not state.switch:
        return "Noted, but nothing could be switched. Why: ccfb status"
    most = f"at most ${answer.dollars:.2f}" if answer.dollars else UNCAPPED
    most = "within your budget" if not answer.dollars and state.wake.capped else most
    end = f" until {clock(state.switch.resets_at)}" if state.switch.resets_at else ""
    return f"Billed to {biller(state.billing)} from now on{end}, {most}."


def _declined(word: Word, state: State) -> str:
    if state.switch:
        return f"Noted. {biller(state.billing)} is still billed. To end it: ccfb use subscription"
    name = max(state.answers, key=lambda each: state.answers[each].resets_at)
    resets = f"The {window(name)} limit resets {until(state.answers[name].resets_at)}."
    if word == "no":
        return f"Nothing is billed. {resets}"
    later = "" if state.answers[name].limit else " You are asked again when it strikes."
    return f"Nothing is billed for now. {resets}{later}"
