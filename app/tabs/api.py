"""The named endpoints for scripts: JSON in, JSON out, the page's own services and role checks.

Call one with `POST /gradio_api/call/NAME {"data": [arguments in order]}`, or with `gradio_client`.
"""

from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import gradio as gr

from app.services.context import Context
from app.services.data import browsing, pairs
from app.services.data.pairs import GenerationRequest
from app.services.imports import importing
from app.services.imports.importing import ImportSource
from app.services.labels import comparing, labelling, statistics
from app.services.labels.comparing import Turn
from app.services.labels.labelling import Submission
from app.services.outputs import model_exports, transfer
from app.services.running import runs
from app.services.tuning import training
from app.services.tuning.training import TrainingRequest
from app.tabs.endpoint_arguments import check_arguments
from app.tabs.import_arguments import import_options, part_of_dataset
from app.web.errors import show_errors
from app.web.private_gradio import upload_folder
from app.web.security import current_user, require
from storage.errors import InputError
from trainer.options.generation import SamplingOptions

Json = dict[str, Any]
OPTION_GROUPS = ("training", "lora", "quantization", "stopping")


def add_endpoints(context: Context) -> None:
    """Add every endpoint to the page that is being built."""
    endpoints = Endpoints(context)
    for handler in (
        endpoints.import_file,
        endpoints.import_dataset,
        endpoints.generate_pairs,
        endpoints.submit_and_next,
        endpoints.start_run,
        endpoints.runs,
        endpoints.run_status,
        endpoints.stop_run,
        endpoints.resume_run,
        endpoints.export_model,
        endpoints.compare,
        endpoints.heldout_prompts,
        endpoints.vote,
        endpoints.browse,
        endpoints.export,
        endpoints.statistics,
    ):
        gr.api(
            handler,
            api_name=handler.__name__,
            concurrency_id="chat" if handler.__name__ == "compare" else None,
        )


class Endpoints:
    """One method for each endpoint; its parameters are the call's arguments."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @show_errors
    @require("admin")
    @check_arguments
    def import_file(
        self,
        file: dict,
        request: gr.Request,
        prompts_only: bool = False,
        columns: dict | None = None,
        every_pair: bool = False,
    ) -> dict:
        """Import an uploaded file, given as {"path": what /gradio_api/upload has answered}.

        `columns`: {"frage": "prompt"} reads a column under another name; `every_pair`: of rated
        answers make every pair. Returns at the end of the import.
        """
        source = ImportSource(str(_uploaded(file)))
        given = {"prompts_only": prompts_only, "columns": columns, "every_pair": every_pair}
        return self._imported(source, request, given)

    @show_errors
    @require("admin")
    @check_arguments
    def import_dataset(self, name: str, request: gr.Request, options: dict | None = None) -> dict:
        """Import a hub dataset, owner/name or owner/name@revision, or a folder of the server.

        A folder is given by its whole path. `options`: subset and split (left out: default and
        train, or the only one), and prompts_only, columns and every_pair as in import_file.
        Returns at the end of the import.
        """
        given = dict(options or {})
        part = part_of_dataset(given.pop("subset", None), given.pop("split", None))
        return self._imported(ImportSource(name, part), request, given)

    def _imported(self, source: ImportSource, request: gr.Request, given: Json) -> Json:
        options = import_options(source.name, given)
        report = importing.import_source(self._context, current_user(request), source, options)
        return report.as_json()

    @show_errors
    @require("admin")
    @check_arguments
    def generate_pairs(
        self,
        num_pairs: int,
        request: gr.Request,
        model: str = "starter",
        options: dict | None = None,
    ) -> dict:
        """Queue a run that makes pairs; `options`: sampling options, and only_without_pair."""
        sampling = dict(options or {})
        only_without_pair = bool(sampling.pop("only_without_pair", True))
        wanted = GenerationRequest(
            num_pairs=num_pairs,
            model=model,
            only_without_pair=only_without_pair,
            sampling=SamplingOptions.from_dict(sampling),
        )
        return {"run_id": pairs.start_generation(self._context, current_user(request), wanted)}

    @show_errors
    @require("annotator")
    @check_arguments
    def submit_and_next(
        self,
        submit_id: str,
        pair_id: int | None,
        verdict: str,
        request: gr.Request,
        shown: str | None = None,
    ) -> dict:
        """Store a verdict (left, right, tie, both_bad, skip) and return the next pair.

        An empty pair_id stores nothing and only fetches. `shown`: what the pair came with under
        this name; if something else is in its place by now, nothing is stored.
        """
        user = current_user(request)
        if not pair_id:
            return asdict(labelling.fetch(self._context, user))
        submission = Submission(submit_id, pair_id, verdict, shown=shown)
        return asdict(labelling.submit(self._context, user, submission))

    @show_errors
    @require("admin")
    @check_arguments
    def start_run(self, kind: str, request: gr.Request, options: dict | None = None) -> dict:
        """Queue a training run. `kind`: dpo, sft, sft_dpo or reward.

        `options`: model, preset, adapter_id, and what differs from the preset in the groups
        training, lora, quantization and stopping.
        """
        given = dict(options or {})
        groups = {name: given.pop(name) for name in OPTION_GROUPS if name in given}
        unknown = given.keys() - {"model", "preset", "adapter_id"}
        if unknown:
            raise InputError(
                f"start_run knows no option {', '.join(sorted(unknown))}. Known are model, preset, "
                f"adapter_id, {', '.join(OPTION_GROUPS)}."
            )
        wanted = TrainingRequest(recipe=kind, options=groups, **given)
        run_ids = training.start_training(self._context, current_user(request), wanted)
        return {"run_ids": run_ids}

    @show_errors
    @require("annotator")
    @check_arguments
    def runs(self, request: gr.Request) -> list:
        """All runs, newest first."""
        return [
            {**asdict(row), "created_at": row.created_at.isoformat()}
            for row in runs.list_runs(self._context)
        ]

    @show_errors
    @require("annotator")
    @check_arguments
    def run_status(self, run_id: int, request: gr.Request) -> dict:
        """One run with its progress, curves and log."""
        return runs.to_json(runs.run_view(self._context, run_id))

    @show_errors
    @require("admin")
    @check_arguments
    def stop_run(self, run_id: int, request: gr.Request) -> dict:
        """Ask a run for a clean stop."""
        runs.stop_run(self._context, current_user(request), run_id)
        return {"run_id": run_id, "stopping": True}

    @show_errors
    @require("admin")
    @check_arguments
    def resume_run(self, run_id: int, request: gr.Request) -> dict:
        """Let a stopped or failed run go on from its last checkpoint, under its own number."""
        return {"run_id": runs.resume_run(self._context, current_user(request), run_id)}

    @show_errors
    @require("admin")
    @check_arguments
    def export_model(
        self, run_id: int, request: gr.Request, target: str = "merged", weights: str | None = None
    ) -> dict:
        """Queue an export of what a run has trained. `target`: merged (a model folder) or gguf.

        `weights`: float16 (the default), bfloat16; for merged float32; for gguf q8_0.
        """
        options = {"target": target, "weights": weights}
        user = current_user(request)
        return {"run_id": model_exports.start_export_of_run(self._context, user, run_id, options)}

    @show_errors
    @require("annotator")
    @check_arguments
    def compare(
        self, prompt: str, adapter: int, request: gr.Request, options: dict | None = None
    ) -> dict:
        """Answer a prompt with base and tuned; `options`: sampling options, and blind."""
        given = dict(options or {})
        blind = bool(given.pop("blind", False))
        message = [{"role": "user", "content": prompt}]
        turn = Turn(
            adapter_id=adapter,
            left=message,
            right=message,
            sampling=SamplingOptions.from_dict(given),
            blind=blind,
        )
        steps = comparing.stream(self._context, current_user(request), turn)
        return asdict(deque(steps, maxlen=1).pop())

    @show_errors
    @require("annotator")
    @check_arguments
    def heldout_prompts(self, request: gr.Request, limit: int = 50) -> list:
        """Held-out prompts to compare on: conversations that no training run sees."""
        return comparing.heldout_prompts(self._context, limit)

    @show_errors
    @require("annotator")
    @check_arguments
    def vote(self, submit_id: str, pair_id: int, verdict: str, request: gr.Request) -> dict:
        """Vote on a comparison (left, right, tie, both_bad); reveals who stood where."""
        vote = Submission(submit_id, pair_id, verdict)
        return asdict(comparing.vote(self._context, current_user(request), vote))

    @show_errors
    @require("annotator")
    @check_arguments
    def browse(
        self,
        kind: str,
        request: gr.Request,
        search: str = "",
        filters: dict | None = None,
        before: int | None = None,
    ) -> dict:
        """A page of stored prompts, pairs or verdicts; `filters`: fields of BrowseFilter.

        `before`: the `last` of the page seen already. num_found is null when there are more than
        can be counted quickly; not_indexed says how many texts the search does not know yet.
        """
        wanted = browsing.read_filter(kind, search, filters or {})
        page = browsing.page(self._context, kind, wanted, before=before)
        total = browsing.total(self._context, kind, wanted)
        return {
            "rows": browsing.to_json(page),
            "last": page.last,
            "num_found": total.number if total.is_exact else None,
            "not_indexed": total.num_not_indexed,
        }

    @show_errors
    @require("admin")
    @check_arguments
    def export(
        self,
        request: gr.Request,
        format: str = "trl_conversational",
        filter: dict | None = None,
    ) -> list:
        """The judged pairs as rows of a format; `filter`: the fields of ExportFilter.

        At most 20,000 rows; `POST /export_file` with {"format", "filter"} gives any number as a
        file.
        """
        return transfer.preference_rows(self._context, format, filter)

    @show_errors
    @require("annotator")
    @check_arguments
    def statistics(self, request: gr.Request) -> dict:
        """Verdicts, sides, labellers and win rates."""
        return statistics.to_json(statistics.overview(self._context))


def _uploaded(file: Json) -> Path:
    """The path of a file that came through this server's upload, and no other."""
    given = file.get("path") if isinstance(file, dict) else None
    if not isinstance(given, str):
        raise InputError(
            'import_file takes {"path": ...} with the path that /gradio_api/upload answered.'
        )
    path = Path(given).resolve()
    if not path.is_relative_to(upload_folder()) or not path.is_file():
        raise InputError("There is no uploaded file at this path. Upload it first, then import it.")
    return path
