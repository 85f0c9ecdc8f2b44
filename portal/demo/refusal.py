"""The one exception the launcher shows to a person."""


class Refusal(Exception):
    """The launcher cannot go on. The message is a sentence that says why and what to do.

    `exit_code` follows the shell's habit: 1 something failed, 2 it was asked for something it cannot do.
    """

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Cancelled(Exception):
    """The person asked to stop while something was being waited for."""
