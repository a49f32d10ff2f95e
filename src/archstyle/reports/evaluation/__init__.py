"""Measures a bundle on the test photos and shows the result in numbers, figures and a page."""
