"""Split sentences into words."""

import re


def words(sentence: str) -> list[str]:
    """Split a sentence into lower-case words without punctuation; "t-shirt" and "lady's" are one word each."""
    return re.findall(r"[a-z]+(?:[-'][a-z]+)*", sentence.lower())
