"""The only room that knows the others: command line, settings, wiring, supervision, metrics, logs."""
