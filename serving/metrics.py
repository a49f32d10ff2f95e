"""What is counted and timed, in all workers together: `/metrics` shows it."""

from functools import partial

from prometheus_client import Counter, Gauge, Histogram

live = partial(Gauge, multiprocess_mode="livesum")

REQUESTS = Counter("archstyle_requests", "Requests by route and status.", ["route", "status"])
_phases = Histogram("archstyle_phase_seconds", "Time of each phase.", ["phase"])
PHASES = {phase: _phases.labels(phase) for phase in ("receive", "read", "infer", "render")}
ANSWERS = Counter("archstyle_answers", "Photos that were answered, by style.", ["style"])
UNANSWERED = Counter("archstyle_unanswered", "Photos without an answer, by reason.", ["reason"])
MODEL = live("archstyle_model_workers", "Workers by the version they use.", ["version"])
RECEIVING = live("archstyle_uploads_receiving", "Uploads that are on their way here.")
