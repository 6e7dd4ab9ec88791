"""Sentences as words."""

import re


def words(sentence: str) -> list[str]:
    """The sentence's words, lower case, without its punctuation; "t-shirt" and "lady's" are one word each."""
    return re.findall(r"[a-z]+(?:[-'][a-z]+)*", sentence.lower())
