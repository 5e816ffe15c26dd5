"""`python -m daemon`: the same as `switchboard`."""

from daemon.cli import main

if __name__ == "__main__":
    main()
