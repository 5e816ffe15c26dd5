"""Web chat: a widget on other people's pages, over a WebSocket."""
