"""One home for every number that says how good a model is."""
