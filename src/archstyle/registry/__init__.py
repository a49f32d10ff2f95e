"""Registered versions, the gate, promotion, the journal and the cache that answers."""
