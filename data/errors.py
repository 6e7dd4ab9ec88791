"""User-facing errors."""


class InputError(Exception):
    """The user's input cannot be used.

    The message says what is wrong, where (file and key), and what to write instead. It is shown verbatim,
    without a traceback. Retrying without a change does not help.
    """
