"""The mail channel: SMTP in, structure check, parsers, normalize."""
