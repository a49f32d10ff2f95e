"""Compares recipes, for `archstyle results`: docs/results.md and the README's table."""
