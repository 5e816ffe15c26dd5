"""Telegram: a bot's updates, by getUpdates or by webhook, and replies through the Bot API."""
