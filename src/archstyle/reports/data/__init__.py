"""Shows the state of a collection of photos in pictures: reports/data.html and its figures."""
