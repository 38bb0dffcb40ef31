"""The one error that the user sees: what happened, and what to do next."""


class CcfbError(Exception):
    """A failure that the command line prints without a traceback.

    Args:
        reference: Kebab-case name, stable, for searching and for scripts.
        message: What happened, in one sentence.
        hint: What to do next.
    """

    def __init__(self, reference: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.reference = reference
        self.message = message
        self.hint = hint
