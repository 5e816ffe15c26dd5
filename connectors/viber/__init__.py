"""Viber: a bot's webhook in, its REST API out."""
