"""The errors that are meant for people."""


class InputError(Exception):
    """Something the user gave cannot be used.

    The message says what is wrong, where (file and key), and what would be right. It is shown as it is,
    without a traceback; trying again without a change cannot help.
    """
