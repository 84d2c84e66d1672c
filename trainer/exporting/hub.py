"""Sends a folder to a repository of the Hugging Face hub, models and datasets alike.

The token comes from the environment variable HF_TOKEN alone and is never written anywhere. Light:
never imports torch.
"""

import os
from pathlib import Path
from typing import Literal

from trainer.errors import TrainerError
from trainer.options.export import repository_problem

RepoType = Literal["model", "dataset"]


def has_token() -> bool:
    """Whether a token for the hub is set."""
    return bool(os.environ.get("HF_TOKEN"))


def check_target(repository: str) -> None:
    """Raise TrainerError unless sending can be tried: the name can be one, and a token is set."""
    if problem := repository_problem(repository):
        raise TrainerError(problem)
    if not has_token():
        raise TrainerError(
            "No token for the hub is set. Start the server with HF_TOKEN, a token that may write, "
            "in its environment."
        )


def upload(
    folder: Path, repository: str, repo_type: RepoType, *, private: bool, message: str
) -> str:
    """Upload all files of the folder in one commit and return the repository's address.

    The repository is made, `private` or not, where it is missing; hidden files stay here. Raises
    TrainerError when the name, the token or the files are refused, or the hub is out of reach.
    """
    import httpx2  # the hub library's own
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    check_target(repository)
    api = HfApi(token=os.environ["HF_TOKEN"])
    try:
        address = api.create_repo(repository, repo_type=repo_type, private=private, exist_ok=True)
        api.upload_folder(
            repo_id=repository,
            repo_type=repo_type,
            folder_path=folder,
            commit_message=message,
            ignore_patterns=[".*"],
        )
    except HfHubHTTPError as error:
        status = error.response.status_code
        advice = "Try again later."
        if status in (401, 403):
            advice = "Use a token (HF_TOKEN) of its owner that may write."
        raise TrainerError(f"The hub refused {repository} (HTTP {status}). {advice}") from error
    # Of a file that breaks off on its way the library says RuntimeError or ValueError.
    except (httpx2.HTTPError, OSError, RuntimeError, ValueError) as error:
        raise TrainerError(
            f"The hub at {api.endpoint} could not be reached, or broke off "
            f"({type(error).__name__}), so {repository} was not written. Check the connection and "
            "try again."
        ) from error
    return str(address)
