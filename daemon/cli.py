"""The command `switchboard`. Each group of commands stands in its own `cli_*` module.

What a command needs is imported inside it, so that `switchboard parse -` does not wait for a database client.
"""

import os
import sys
from typing import Annotated, NoReturn

import typer

from daemon import (
    cli_channels,
    cli_dead_letters,
    cli_demo,
    cli_form_links,
    cli_keys,
    cli_legacy,
    cli_look,
    cli_mail,
    cli_notices,
    cli_replay,
    cli_run,
    cli_spool,
    cli_tickets,
    cli_tokens,
    cli_webhooks,
)
from daemon.cli_options import Config
from daemon.errors import INTERRUPTED, USAGE, UserError

app = typer.Typer(
    name="switchboard",
    help="Every support channel in, one ticket stream out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    epilog="Exit codes: 0 done; 1 the answer is no; 2 wrong command line; 3 cannot work now; 4 not found.",
)


def _say_version(wanted: bool) -> None:  # noqa: FBT001 - the command line library calls it so
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only this option needs it

        sys.stdout.write(f"switchboard {version('switchboard')}\n")
        raise typer.Exit


Version = Annotated[
    bool, typer.Option("--version", help="Show the version and exit.", callback=_say_version, is_eager=True)
]


@app.callback()
def root(*, config: Config = None, version: Version = False) -> None:
    """Every support channel in, one ticket stream out."""
    del config, version  # remembered, or answered, by the option itself


cli_run.add_to(app)
cli_look.add_to(app)
cli_channels.add_to(app)
cli_mail.add_to(app)
app.add_typer(cli_tickets.app, name="tickets")
app.add_typer(cli_spool.app, name="spool")
app.add_typer(cli_keys.app, name="keys")
app.add_typer(cli_tokens.app, name="tokens")
app.add_typer(cli_form_links.app, name="form-links")
app.add_typer(cli_webhooks.app, name="webhooks")
app.add_typer(cli_dead_letters.app, name="dead-letters")
app.add_typer(cli_legacy.app, name="legacy")
app.add_typer(cli_notices.app, name="notices")
cli_replay.add_to(app)
cli_demo.add_to(app)


def main() -> NoReturn:
    """Run the command line; mistakes of people and of the world around end in a sentence, not in a traceback."""
    try:
        code = app(standalone_mode=False)
    except typer.Abort:
        code = INTERRUPTED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except UserError as error:
        code = _say(str(error), error.code)
    except BrokenPipeError:
        code = _pipe_closed()
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        code = _wrong_usage(error.format_message())
    sys.exit(code if isinstance(code, int) else 0)


def _say(message: str, code: int) -> int:
    for line in message.splitlines():
        sys.stderr.write(f"switchboard: {line}\n")
    return code


def _wrong_usage(message: str) -> int:
    """Say what is wrong with the command line; a help page, for who typed no command, stands as it is."""
    if message.startswith("Usage:"):
        sys.stderr.write(f"{message}\n")
        return USAGE
    return _say(f"{message}\nsee `switchboard --help`, or `--help` after a command", USAGE)


def _pipe_closed() -> int:
    """End quietly when the reader of our output has gone (`| head`)."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
