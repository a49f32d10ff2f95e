"""The DVC stages: one thin file each, no logic of their own."""
