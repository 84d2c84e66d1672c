"""The command line of PairTune: `serve`, `doctor`, `backup` and `restore`.

Only translates, and builds the real parts.
Heavy imports are made inside the functions that need them, so that a wrong flag or a port in use
is refused at once, and so that the first page comes quickly.
"""

import argparse
import gc
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from storage.errors import InputError
from storage.settings import Settings
from trainer.errors import TrainerError

EXIT_CANNOT_START = 2
ON_FILES = {"backup": "back up", "restore": "restore"}
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})

FLAGS = (
    ("--data", "PAIRTUNE_DATA", "FOLDER", "folder for the database, models and runs (./data)"),
    ("--host", "PAIRTUNE_HOST", "HOST", "address to serve on; loopback only (127.0.0.1)"),
    ("--port", "PAIRTUNE_PORT", "PORT", "port to serve on (7860)"),
    ("--database-url", "PAIRTUNE_DATABASE_URL", "URL", "database (SQLite in the data folder)"),
    ("--device", "PAIRTUNE_DEVICE", "DEVICE", "auto, cpu or cuda (auto)"),
)


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code: 2 when PairTune cannot start as asked."""
    parsed = _parser().parse_args(arguments)
    try:
        settings = Settings.from_environment(_with_flags(os.environ, parsed))
        if problems := settings.problems():
            raise InputError(" ".join(problems))
        if parsed.command in ON_FILES:
            return _on_file(settings, parsed)
        if parsed.command == "doctor":
            return _doctor(settings)
        return _serve(settings)
    except (InputError, TrainerError) as error:
        doing = ON_FILES.get(parsed.command, "start")
        print(f"PairTune cannot {doing}: {_with_flag_names(str(error), parsed)}", file=sys.stderr)
        return EXIT_CANNOT_START


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python app.py", description="Label pairs of answers, train with DPO, compare."
    )
    parser.add_argument(
        "command",
        nargs="?",
        choices=("serve", "doctor", *ON_FILES),
        default="serve",
        help="serve the app (default), report what this machine offers, back the project up into "
        "FILE (also while it is served), or restore FILE into an empty data folder",
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="archive of backup and restore")
    parser.add_argument("--with-adapters", action="store_true", help="back trained adapters up too")
    for flag, variable, metavar, text in FLAGS:
        parser.add_argument(
            flag, dest=variable, metavar=metavar, help=f"{text}; otherwise {variable}"
        )
    parser.add_argument(
        "--model",
        dest="PAIRTUNE_MODELS",
        metavar="NAME",
        action="append",
        help="offer this hub id or local folder beside the starter model; may be repeated; "
        "otherwise PAIRTUNE_MODELS, separated by commas",
    )
    return parser


def _with_flags(environ: Mapping[str, str], parsed: argparse.Namespace) -> dict[str, str]:
    """The environment with the given flags put over it: one place then checks all settings."""
    given = {name: value for name, value in vars(parsed).items() if name.startswith("PAIRTUNE_")}
    if models := given.get("PAIRTUNE_MODELS"):
        given["PAIRTUNE_MODELS"] = ",".join(models)
    return {**environ, **{name: value for name, value in given.items() if value is not None}}


def _with_flag_names(message: str, parsed: argparse.Namespace) -> str:
    """The message with a setting called by the flag that gave it, if one did."""
    for flag, variable, _, _ in FLAGS:
        if getattr(parsed, variable) is not None:
            message = message.replace(f"{variable} is", f"{flag} is")
    return message


def _serve(settings: Settings) -> int:
    """Serve until interrupted. Workers go on without the server and are found again."""
    _check_host(settings)
    with listen(settings.host, settings.port) as listening:
        print("PairTune is starting ...", flush=True)
        _check_models(settings)
        # Nearly all that the start makes stays to the end. Looking through it for garbage takes a
        # fifth of the start; `run_server` turns the collector on again.
        gc.disable()
        from storage.schema.database import open_database

        database = open_database(settings)
        from app.web.server import open_context, run_server

        run_server(open_context(settings, database), listening, address=_address(settings))
    return 0


def _check_host(settings: Settings) -> None:
    if settings.host not in LOOPBACK_HOSTS:
        raise InputError(
            f"The host {settings.host} would open PairTune to other machines. PairTune has no "
            "logins yet, so it serves this machine only. Leave the host at 127.0.0.1 and, from "
            f"another machine, use an SSH tunnel: ssh -L {settings.port}:127.0.0.1:"
            f"{settings.port} THIS-MACHINE"
        )


def listen(host: str, port: int) -> socket.socket:
    """Take the port before anything slow begins; requests wait in it until the app is built."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: answers in parts then wait 40 ms each.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    # A port whose last server has just ended is free; one that is listened on stays refused.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(256)
    except OSError as error:
        listening.close()
        raise InputError(
            f"The port {port} on {host} cannot be used ({error.strerror}). Stop the program that "
            f"uses it, or choose another port: --port {port + 1}"
        ) from None
    return listening


def _check_models(settings: Settings) -> None:
    from trainer.models import model_source

    for name in settings.models:
        if name != model_source.STARTER:
            model_source.check_model(name, data_folder=settings.data_folder)


def _address(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _on_file(settings: Settings, parsed: argparse.Namespace) -> int:
    from app.services.outputs import backup
    from storage.schema.database import database_file

    if parsed.file is None:
        raise InputError(f"Name the archive: python app.py {parsed.command} pairtune-backup.zip")
    archive = Path(parsed.file)
    if parsed.command == "backup":
        backup.back_up(
            database_file(settings),
            settings.data_folder,
            archive,
            with_adapters=parsed.with_adapters,
        )
        print(f"Backed {settings.data_folder} up into {archive}.")
    else:
        backup.restore(archive, settings.data_folder)
        print(f"Restored {archive} into {settings.data_folder}.")
    return 0


def _doctor(settings: Settings) -> int:
    from app.doctor import report

    for name, finding in report(settings):
        print(f"{name:<16}{finding}", flush=True)
    return 0
