"""How stages are chained, run and watched. Nothing here imports torch before it is needed."""
