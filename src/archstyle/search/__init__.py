"""Searches values of the recipe: what `make sweep` does beside Hydra's multirun.

Hydra's Optuna sweeper asks for trials and gives them to Hydra's launcher; it knows neither pruned
nor interrupted trials. `archstyle.search.sweeper` adds these; `archstyle.search.trial` is one.
"""
