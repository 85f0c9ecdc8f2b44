"""The one error that actions raise when the state of things forbids what was asked."""


class Refused(Exception):
    """Nothing was changed. `str()` is a sentence for the reader."""
