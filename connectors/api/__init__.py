"""The api channel: signed HTTP requests of other systems."""
