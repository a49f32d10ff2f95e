"""Measurements against the limits of this machine; `make bench` runs them."""
