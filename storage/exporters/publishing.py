"""Pushes a folder to the hub as a dataset. The token comes from the environment only: HF_TOKEN."""

import os
import re
from pathlib import Path

from storage.errors import InputError

# The hub's own rule for names: what it takes, and no -- or .. in it.
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_NAME = re.compile(rf"(?!.*(?:--|\.\.|\.git$)){_PART}/{_PART}")


def check_target(repo_id: str) -> None:
    """Look whether a push to this dataset can be tried at all.

    Raises:
        InputError: the name is none, or no token is set.
    """
    if not _NAME.fullmatch(repo_id):
        raise InputError(
            f"{repo_id!r:.100} is no name of a dataset. Write it as owner/name, with letters, "
            "digits, - _ and dots."
        )
    if not os.environ.get("HF_TOKEN"):
        raise InputError(
            "The hub wants to know who publishes, and no token is set. Start PairTune with the "
            "environment variable HF_TOKEN, a token that may write."
        )


def push_folder(folder: Path, repo_id: str, *, private: bool) -> str:
    """Make the dataset where missing, put the folder's files into it, and return its address.

    Raises:
        InputError: the name or the token is refused, or the hub cannot be reached.
    """
    import httpx2  # the hub library's own
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    check_target(repo_id)
    hub = HfApi(token=os.environ["HF_TOKEN"])
    try:
        address = hub.create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        hub.upload_folder(
            repo_id=repo_id,
            repo_type="dataset",
            folder_path=folder,
            commit_message="Preferences exported by PairTune",
        )
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise InputError(
                f"The hub refuses to write {repo_id} with this HF_TOKEN. Use a token of its owner "
                "that may write."
            ) from error
        raise InputError(
            f"The hub answers with an error ({error.response.status_code}). Try again later."
        ) from error
    except (httpx2.HTTPError, OSError) as error:
        raise InputError(
            f"The hub at {hub.endpoint} cannot be reached. Check the connection, or download the "
            "hub dataset and upload it from elsewhere."
        ) from error
    return str(address)
