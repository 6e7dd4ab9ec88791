"""The adversarial loop and what happens beside it."""
