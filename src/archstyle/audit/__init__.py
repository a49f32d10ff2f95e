"""The label audit: which labels a model that never saw the photo would doubt."""
