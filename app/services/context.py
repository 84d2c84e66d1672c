"""What every use case needs: settings, the database, the chat process, and who is asking.

Built once in `app.main` and passed on as a value; knows nothing of Gradio.
"""

from dataclasses import dataclass, field
from pathlib import Path

from app.services.tuning.training_data import TrainingData
from storage.enums import Role
from storage.schema.database import Database
from storage.settings import Settings
from trainer.chat.client import ChatClient


@dataclass(frozen=True)
class User:
    """The person behind a request."""

    id: int
    name: str
    role: Role


@dataclass(frozen=True)
class Context:
    """The real parts that the use cases work on."""

    settings: Settings
    database: Database
    chat: ChatClient
    training_data: TrainingData = field(default_factory=TrainingData)

    @property
    def runs_folder(self) -> Path:
        """The folder that holds all run folders."""
        return self.settings.data_folder / "runs"
