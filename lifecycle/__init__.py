"""Statuses of a ticket and their moves; later clocks, calendars, priority."""
