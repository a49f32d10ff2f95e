"""Runs in MLflow, which takes five seconds to import: functions import it themselves."""
