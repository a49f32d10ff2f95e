"""The page and the API: the Flask app, gunicorn, and the follower of the champion."""
