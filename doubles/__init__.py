"""The platforms' side, on loopback: servers with each platform's real rules, for tests and the demo."""
