"""The Flask app that answers uploads with the registered model."""
