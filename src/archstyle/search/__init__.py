"""Searches values of the recipe by Optuna, for `archstyle sweep`."""
