"""The HTTP API: what other systems and a later console read and do, and what is told to them."""
