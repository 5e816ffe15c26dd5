"""The demo: a daemon of its own, customers on every channel, an agent who answers, and what became of each."""
