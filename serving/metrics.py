"""What is counted and timed, in all workers together: `/metrics` shows it."""

from time import perf_counter as now

from prometheus_client import Counter, Gauge, Histogram

__all__ = ["ANSWERS", "MODEL", "PHASES", "RECEIVING", "REQUESTS", "UNANSWERED", "now"]

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

REQUESTS = Counter("archstyle_requests", "Requests by route and status.", ["route", "status"])
_phases = Histogram("archstyle_phase_seconds", "Time of each phase.", ["phase"], buckets=SECONDS)
PHASES = {phase: _phases.labels(phase) for phase in ("receive", "read", "infer", "render")}
ANSWERS = Counter("archstyle_answers", "Photos that were answered, by style.", ["style"])
UNANSWERED = Counter("archstyle_unanswered", "Photos without an answer, by reason.", ["reason"])
MODEL = Gauge(
    "archstyle_model_workers",
    "Workers that answer with this version.",
    ["version"],
    multiprocess_mode="livesum",
)
RECEIVING = Gauge(
    "archstyle_uploads_receiving",
    "Uploads that are on their way here.",
    multiprocess_mode="livesum",
)
