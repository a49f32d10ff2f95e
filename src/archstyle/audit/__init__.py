"""The label audit: which labels a model that never saw the photo would doubt."""

from archstyle.audit.audit import audit

__all__ = ["audit"]
