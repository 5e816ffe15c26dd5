"""The rules of threading, in the order of `router/decide.py`. Pure: a case in, a placement or None out."""
