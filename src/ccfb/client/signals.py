"""What the gate knows of the client: a few names, seen on 2.1.88 to 2.1.329.

Imported by every hook run: constants only.
"""

BILLING_VARIABLE = "CCFB_BILLING"
"""Written to settings `env` with every switch: a session's hooks see it as last reloaded."""

RESUME_PROMPT = "Your claude.ai usage limit has reset"
"""How the prompt begins that the client sends by itself after a reset (2.1.234 and later)."""

API_ERROR = (b'"isApiErrorMessage":true', b'"isApiErrorMessage": true')
"""In a transcript row: this turn ended in an error of the API."""

QUEUED = b'"queue-operation"'
"""In a transcript row: a prompt was typed while a turn runs, or goes on its way."""

MODEL_VARIABLE = "CCFB_MODEL"
"""Written to settings `env` with every downgrade."""

ENTRYPOINT = "CLAUDE_CODE_ENTRYPOINT"
"""Tells a hook how its session was started."""

INTERACTIVE = "cli"
"""How a session is started that somebody looks at."""

OURS = ("ccfb ", "/ccfb ", RESUME_PROMPT.lower())
"""How prompts begin that the engine looks at."""

SIGNED_IN = "auth_success"
"""`notification_type` after a login."""
