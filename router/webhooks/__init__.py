"""Ticket events to other systems' HTTP servers: signed, in order, again and again until they say yes."""
