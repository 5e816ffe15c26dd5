"""Which ticket a message belongs to: rules, gates and decision (pure), the worker that applies them, the relay out."""
