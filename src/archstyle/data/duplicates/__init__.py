"""Which photos show the same photograph."""
