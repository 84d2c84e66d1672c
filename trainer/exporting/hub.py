"""Sends a folder to a repository of the Hugging Face hub.

The token comes from the environment variable HF_TOKEN alone and is never written anywhere.
"""

import os
from pathlib import Path

from trainer.errors import TrainerError


def check_token() -> None:
    """Raise TrainerError when no token is set."""
    if not os.environ.get("HF_TOKEN"):
        raise TrainerError(
            "No token for the hub is set. Start the server with HF_TOKEN in its environment."
        )


def send(folder: Path, repository: str, *, private: bool) -> str:
    """Upload all files of the folder in one commit and return the repository's address.

    The repository is made if it is not there. Raises TrainerError when the hub refuses or cannot
    be reached.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(token=os.environ["HF_TOKEN"])
    try:
        address = api.create_repo(repository, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message="Upload from PairTune",
            ignore_patterns=[".*"],
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise TrainerError(
            f"The hub refused {repository} (HTTP {status}). Check that the token may write there."
        ) from error
    except Exception as error:
        raise TrainerError(
            f"The hub could not be reached ({type(error).__name__}), so {repository} was not "
            "written. Check the connection and start the export again."
        ) from error
    return str(address)
