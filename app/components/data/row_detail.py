"""The panel that shows one row of the data in full: a prompt, or a pair with all its verdicts."""

import time
from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.markup import model_text, sentence
from app.web.errors import show_errors
from app.wording.history import history_page, verdict_label
from app.wording.conversations import prompt_page
from app.wording.text import plural
from app.web.security import current_user, require
from app.services.data import browsing, tagging
from app.services.labels import withdrawing
from app.services.data.browsing import PairHistory
from app.services.context import Context, User
from storage.enums import Role

NOT_ALLOWED = "Only an administrator can withdraw verdicts."


class RowDetail:
    """Widgets and handlers of the panel; withdrawing is for administrators."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self) -> None:
        """Lay the panel out, hidden until a row is chosen."""
        self._shown = gr.State(None)  # ("prompts" or "pairs", id)
        self.changed = gr.State(0.0)
        with gr.Column(visible=False, elem_classes=["row-detail"], elem_id="data-row") as panel:
            self._facts = sentence(elem_id="data-history")
            with gr.Row(elem_classes=["fields", "row-fields"]):
                self._pairs = gr.Dropdown(
                    [], label="Open one of its pairs", min_width=220, elem_id="data-pairs"
                )
                self._verdicts = gr.Dropdown(
                    [], label="Verdict", min_width=260, elem_id="data-verdict"
                )
                self._tags = gr.Textbox(
                    label="Tags of the prompt, with commas between",
                    max_lines=1,
                    min_width=220,
                    elem_id="data-tags",
                )
            self._build_actions()
            self._texts = model_text("data-texts")
        self._panel = panel
        self._wire()

    def _build_actions(self) -> None:
        with gr.Row(elem_classes=["actions"]):
            self._withdraw = gr.Button("Withdraw this verdict", size="sm", elem_id="data-withdraw")
            self._again = gr.Button("Count it again", size="sm", elem_id="data-again")
            self._withdraw_all = gr.Button(
                "Withdraw all of this labeller",
                size="sm",
                variant="stop",
                elem_id="data-withdraw-all",
                elem_classes=["asks-withdraw-all"],
            )
            self._save_tags = gr.Button("Save tags", size="sm", elem_id="data-save-tags")
            self._close = gr.Button("Close", size="sm", elem_id="data-close")
            self._reason = sentence(elem_classes=["muted", "small"])

    @property
    def outputs(self) -> list[Any]:
        """What showing a row updates."""
        fields = [self._panel, self._shown, self._facts, self._texts]
        fields += [self._pairs, self._verdicts, self._tags]
        return [*fields, *self._buttons, self._reason]

    @property
    def _buttons(self) -> list[Any]:
        return [self._withdraw, self._again, self._withdraw_all]

    def _wire(self) -> None:
        chosen = [self._shown, self._verdicts]
        after = [*self.outputs, self.changed]
        self._pairs.input(self.open_pair, self._pairs, self.outputs, **PRIVATE)
        self._verdicts.input(self.choose, chosen, [*self._buttons, self._reason], **PRIVATE)
        self._withdraw.click(self.withdraw, chosen, after, **PRIVATE)
        self._again.click(self.count_again, chosen, after, **PRIVATE)
        self._withdraw_all.click(self.withdraw_all, chosen, after, **PRIVATE)
        saving = [self._shown, self._tags]
        for event in (self._save_tags.click, self._tags.submit):
            event(self.save_tags, saving, [self._tags, self.changed], **PRIVATE)
        self._close.click(self.close, None, self._panel, **PRIVATE)

    @show_errors
    @require("annotator")
    def open(self, kind: str, event: gr.SelectData, request: gr.Request) -> dict[Any, Any]:
        """Show the row that was chosen in the table; a verdict is shown with its pair."""
        numbers = [int(value) for value in event.row_value[:1]]
        if kind == "verdicts":
            pair_id = int(event.row_value[1])
            return self._show_pair(current_user(request), pair_id, numbers[0])
        if kind == "pairs":
            return self._show_pair(current_user(request), numbers[0])
        return self._show_prompt(numbers[0])

    @show_errors
    @require("annotator")
    def open_pair(self, pair_id: int, request: gr.Request) -> dict[Any, Any]:
        """Show a pair of the prompt that is shown."""
        return self._show_pair(current_user(request), pair_id)

    @show_errors
    @require("annotator")
    def choose(
        self, shown: tuple[str, int], verdict_id: int, request: gr.Request
    ) -> dict[Any, Any]:
        """Say what can be done with the chosen verdict."""
        history = browsing.history(self._context, shown[1])
        return self._actions(current_user(request), history, verdict_id)

    @show_errors
    @require("admin")
    def withdraw(
        self, shown: tuple[str, int], verdict_id: int, request: gr.Request
    ) -> dict[Any, Any]:
        """Take the chosen verdict out of account."""
        done = withdrawing.withdraw_verdict(self._context, verdict_id)
        gr.Info(f"Verdict {verdict_id} is withdrawn. {_waiting(done.num_reopened)}")
        return self._after(current_user(request), shown[1], verdict_id)

    @show_errors
    @require("admin")
    def count_again(
        self, shown: tuple[str, int], verdict_id: int, request: gr.Request
    ) -> dict[Any, Any]:
        """Let the chosen verdict count again."""
        withdrawing.count_again(self._context, verdict_id)
        return self._after(current_user(request), shown[1], verdict_id)

    @show_errors
    @require("admin")
    def withdraw_all(
        self, shown: tuple[str, int], verdict_id: int, request: gr.Request
    ) -> dict[Any, Any]:
        """Take everything that the chosen verdict's labeller has decided out of account."""
        verdicts = browsing.history(self._context, shown[1]).verdicts
        (labeller_id,) = (row.labeller_id for row in verdicts if row.id == verdict_id)
        done = withdrawing.withdraw_labeller(self._context, labeller_id)
        gr.Info(f"{plural(done.num_verdicts, 'verdict')} withdrawn. {_waiting(done.num_reopened)}")
        return self._after(current_user(request), shown[1], verdict_id)

    @show_errors
    @require("annotator")
    def save_tags(self, shown: tuple[str, int], text: str, request: gr.Request) -> dict[Any, Any]:
        """Give the prompt that is shown the tags of the field."""
        kind, row_id = shown
        prompt_id = (
            row_id if kind == "prompts" else browsing.history(self._context, row_id).prompt_id
        )
        stored = tagging.set_tags(self._context, prompt_id, text.replace("，", ",").split(","))
        gr.Info(f"Tags of prompt {prompt_id} saved.")
        return {self._tags: ", ".join(stored), self.changed: time.monotonic()}

    @show_errors
    @require("annotator")
    def close(self, request: gr.Request) -> Any:
        """Hide the panel."""
        return gr.Column(visible=False)

    def _after(self, user: User, pair_id: int, verdict_id: int) -> dict[Any, Any]:
        return {**self._show_pair(user, pair_id, verdict_id), self.changed: time.monotonic()}

    def _show_prompt(self, prompt_id: int) -> dict[Any, Any]:
        detail, pairs = browsing.prompt(self._context, prompt_id)
        facts, texts = prompt_page(detail)
        return {
            self._panel: gr.Column(visible=True),
            self._shown: ("prompts", prompt_id),
            self._facts: facts,
            self._texts: texts,
            self._pairs: gr.Dropdown(
                [(f"Pair {pair_id}", pair_id) for pair_id in pairs],
                value=None,
                visible=bool(pairs),
            ),
            self._verdicts: gr.Dropdown(visible=False),
            self._tags: ", ".join(detail.tags),
            **{button: gr.Button(visible=False) for button in self._buttons},
            self._reason: "",
        }

    def _show_pair(self, user: User, pair_id: int, verdict_id: int | None = None) -> dict[Any, Any]:
        history = browsing.history(self._context, pair_id)
        facts, texts = history_page(history)
        choices = [(verdict_label(row), row.id) for row in history.verdicts]
        chosen = verdict_id or (choices[-1][1] if choices else None)
        return {
            self._panel: gr.Column(visible=True),
            self._shown: ("pairs", pair_id),
            self._facts: facts,
            self._texts: texts,
            self._pairs: gr.Dropdown(visible=False),
            self._verdicts: gr.Dropdown(choices, value=chosen, visible=bool(choices)),
            self._tags: ", ".join(history.tags),
            **self._actions(user, history, chosen),
        }

    def _actions(self, user: User, history: PairHistory, verdict_id: int | None) -> dict[Any, Any]:
        row = next((row for row in history.verdicts if row.id == verdict_id), None)
        may, has = user.role is Role.ADMIN, row is not None
        counts = row is not None and row.withdrawn_at is None
        back = row is not None and not counts and row.superseded_by is None
        return {
            self._withdraw: gr.Button(visible=has and not back, interactive=may and counts),
            self._again: gr.Button(visible=back, interactive=may),
            self._withdraw_all: gr.Button(visible=has, interactive=may),
            self._reason: "" if may or not has else NOT_ALLOWED,
        }


def _waiting(num_reopened: int) -> str:
    if not num_reopened:
        return "No pair waits for a new verdict: others have decided, or it was skipped."
    verb = "waits" if num_reopened == 1 else "wait"
    return f"{plural(num_reopened, 'pair')} {verb} for a verdict again."
