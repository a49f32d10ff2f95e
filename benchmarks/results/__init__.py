"""The table of results: `make results`, or `python -m benchmarks.results --seeds 3`."""
