"""The settings of one installation: read once at start, then passed on as a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from storage.errors import InputError

STARTER_MODEL = "starter"
DEVICES = ("auto", "cpu", "cuda")
SQLITE_PREFIX = "sqlite:///"


@dataclass(frozen=True)
class Settings:
    """Where PairTune keeps its data, where it listens, and which models it may use."""

    data_folder: Path
    """Folder of the database, the runs and the models."""
    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 7860
    """TCP port to listen on, 1 to 65535."""
    database_url: str | None = None
    """SQLAlchemy URL of the database; None is pairtune.db in the data folder."""
    models: tuple[str, ...] = (STARTER_MODEL,)
    """Allowed base models: "starter", hub ids or local folders; the first is the default."""
    device: str = "auto"
    """Where models run: one of DEVICES."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """Read the PAIRTUNE_* variables; an empty one counts as missing.

        Raises:
            InputError: PAIRTUNE_PORT is not a number.
        """
        models = [name.strip() for name in environ.get("PAIRTUNE_MODELS", "").split(",")]
        return cls(
            data_folder=Path(environ.get("PAIRTUNE_DATA") or "data"),
            host=environ.get("PAIRTUNE_HOST") or cls.host,
            port=_port(environ.get("PAIRTUNE_PORT") or str(cls.port)),
            database_url=environ.get("PAIRTUNE_DATABASE_URL") or None,
            models=tuple(dict.fromkeys([STARTER_MODEL, *filter(None, models)])),
            device=environ.get("PAIRTUNE_DEVICE") or cls.device,
        )

    @property
    def sqlite_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"{SQLITE_PREFIX}{self.data_folder.absolute() / 'pairtune.db'}"

    def problems(self) -> list[str]:
        """Return one sentence for each setting that cannot work, all at once."""
        found = []
        if not 1 <= self.port <= 65535:
            found.append(f"The port {self.port} does not exist. Choose one from 1 to 65535.")
        if not self.host:
            found.append("The host is empty. Use 127.0.0.1 for this machine alone.")
        if not self.sqlite_url.startswith(SQLITE_PREFIX):
            found.append(
                f"The database URL must start with {SQLITE_PREFIX}: PairTune keeps its data in "
                "SQLite. Leave it out to use pairtune.db in the data folder."
            )
        if self.device not in DEVICES:
            found.append(f'The device "{self.device}" is unknown. Use {", ".join(DEVICES)}.')
        return found


def _port(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(
            f'PAIRTUNE_PORT is "{text}", which is not a number. Give a port such as 7860.'
        ) from None
