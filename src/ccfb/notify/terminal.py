"""A notification by the terminal itself.

Hooks have no terminal to write to, and writing to the client's would break into what it draws.
The client writes the sequence itself where a hook's answer holds it as `terminalSequence`: OSC 9
was seen to arrive from `ConfigChange` hooks on 2.1.176 and 2.1.329; 2.1.105 doesn't know it. Such a
hook runs in every session a second after each change of billing, and each question.
"""

from ccfb.notify import Alert

BELL = "\a"


def sequence(alert: Alert) -> str:
    """An alert as OSC 9, which iTerm2, WezTerm, Ghostty, kitty and foot show, and a bell for all.

    Only one sequence: several terminals know OSC 777 as well, and would tell it twice.
    """
    # The headline begins with our name: after `9;`, a number would be a command of its own.
    told = ": ".join(filter(None, (alert.headline, alert.text)))
    return f"\x1b]9;{told}{BELL}{BELL}"
