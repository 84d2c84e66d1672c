"""The Compare screen: base and tuned answers side by side, streamed together, and voted on."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from app.components.adapters import adapter_choices
from app.components.events import PRIVATE
from app.components.markup import sentence
from app.components.sampling import sampling_fields, sampling_of
from app.services.context import Context
from app.services.labels import comparing
from app.services.labels.comparing import Comparison, Turn
from app.services.labels.labelling import Submission
from app.web.errors import show_errors
from app.web.security import current_user, require
from app.wording.conversations import prompt_label
from app.wording.text import escaped

VOTES = {
    "left": ("Left better", "compare-vote-left"),
    "tie": ("Tie", "compare-vote-tie"),
    "both_bad": ("Both bad", "compare-vote-bad"),
    "right": ("Right better", "compare-vote-right"),
}
NO_VOTE_YET = "Vote once both answers are there."
Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Talk:
    """The conversation on this page: what each side has said, and what may be voted on.

    Who is base and who is tuned is kept by the server with the pair, never in here.
    """

    left: tuple[dict[str, str], ...] = ()
    right: tuple[dict[str, str], ...] = ()
    adapter_id: int | None = None
    blind: bool = False
    pair_id: int | None = None
    last_pair_id: int | None = None
    submit_id: str = ""
    names: tuple[str, str] | None = None
    hint: str = ""

    def asked(self, prompt: str) -> tuple[Messages, Messages]:
        """Both sides with the person's next prompt at the end."""
        message = {"role": "user", "content": prompt}
        return [*self.left, message], [*self.right, message]

    def after_vote(self, choice: str) -> "Talk":
        """Both sides go on from the preferred answer; without one each keeps its own history."""
        kept = {"left": self.left, "right": self.right}.get(choice)
        if kept is not None:
            return replace(self, left=kept, right=kept, pair_id=None)
        return replace(self, pair_id=None)


class CompareTab:
    """The screen's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the screen out; the adapters are read when the tab is opened."""
        with gr.Column(elem_classes=["empty"], visible=False) as empty:
            sentence(
                "### Nothing to compare yet.\n\nTrain a model; it then answers beside its base."
            )
            with gr.Row(elem_classes=["actions"]):
                gr.Button("Go to training", variant="primary", elem_classes=["goto-train"])
        self._empty = empty
        with gr.Column(elem_id="compare-stage") as stage:
            self._build_choices()
            self._build_answers()
            self._build_prompt()
        self._stage = stage
        self._talk = gr.State(Talk())
        self._wire(page, tab)

    def _build_choices(self) -> None:
        with gr.Row(elem_id="compare-bar", elem_classes=["actions"]):
            self.adapter = gr.Dropdown(
                [], label="Adapter", show_label=False, container=False, elem_id="compare-adapter"
            )
            self._blind = gr.Checkbox(
                False, label="Blind: hide who is who until the vote", elem_id="compare-blind"
            )
            self._verdict = sentence(elem_id="compare-verdict", elem_classes=["muted", "small"])
            self._new = gr.Button("New conversation", size="sm", elem_id="compare-new")

    def _build_answers(self) -> None:
        self._titles, self._chats = [], []
        with gr.Row(elem_id="compare-answers"):
            for side, title in (("left", "Base"), ("right", "Tuned")):
                with gr.Column(elem_classes=["card"], min_width=300):
                    self._titles.append(sentence(title, elem_classes=["card-title"]))
                    self._chats.append(
                        gr.Chatbot(
                            elem_id=f"compare-{side}",
                            show_label=False,
                            container=False,
                            buttons=[],
                            feedback_options=None,
                            layout="panel",
                            sanitize_html=True,
                            latex_delimiters=[],
                            allow_file_downloads=False,
                            height="44vh",
                            min_height=260,
                            placeholder="The answer appears here.",
                        )
                    )
        self._votes: dict[str, gr.Button] = {}
        with gr.Row(elem_id="compare-votes"):
            for choice, (label, elem_id) in VOTES.items():
                self._votes[choice] = gr.Button(label, elem_id=elem_id, interactive=False)
        self._hint = sentence(NO_VOTE_YET, elem_id="compare-hint", elem_classes=["muted", "small"])

    def _build_prompt(self) -> None:
        with gr.Row(elem_id="compare-ask"):
            self._prompt = gr.Textbox(
                elem_id="compare-prompt",
                show_label=False,
                placeholder="Write a prompt … (Enter sends, Shift+Enter starts a new line)",
                lines=1,
                max_lines=8,
                scale=6,
                container=False,
            )
            self._send = gr.Button(
                "Send", variant="primary", elem_id="compare-send", scale=0, min_width=96
            )
            self._stop = gr.Button(
                "Stop", elem_id="compare-stop", scale=0, min_width=96, visible=False
            )
        with gr.Row(elem_id="compare-more"):
            self._heldout = gr.Dropdown(
                [],
                label="or pick a held-out prompt: one that never trains",
                elem_id="compare-heldout",
                min_width=260,
            )
            with (
                gr.Column(min_width=260),
                gr.Accordion("Sampling, the same on both sides", open=False),
            ):
                self._sampling = sampling_fields()

    def _talk_view(self) -> list[Any]:
        return [self._talk, *self._titles, *self._chats, *self._votes.values(), self._hint]

    def _asking(self) -> list[Any]:
        return [*self._talk_view(), self._prompt, self._send, self._stop]

    def outputs_of_choice(self) -> list[Any]:
        """What `choose` updates."""
        return [self.adapter, *self._asking(), self._verdict]

    def _wire(self, page: gr.Blocks, tab: gr.Tab) -> None:
        talk_view = self._talk_view()
        asking = self._asking()
        for event in (page.load, tab.select):
            event(
                self.open,
                self.adapter,
                [self._empty, self._stage, self.adapter, self._heldout, self._verdict],
                **PRIVATE,
            )
        self._heldout.input(self.pick, self._heldout, [*asking, self._heldout], **PRIVATE)
        inputs = [self._talk, self.adapter, self._prompt, self._blind, *self._sampling.as_list()]
        sent = gr.on(
            [self._send.click, self._prompt.submit],
            self.ask,
            inputs,
            asking,
            concurrency_id="chat",
            **PRIVATE,
        )
        sent.failure(self.show, self._talk, asking, **PRIVATE)
        self._stop.click(self.show, self._talk, asking, cancels=[sent], **PRIVATE)
        for choice, button in self._votes.items():
            which = gr.State(choice)
            button.click(self.vote, [self._talk, which], [*talk_view, self._verdict], **PRIVATE)
        self._new.click(self.start_anew, None, asking, **PRIVATE)
        self.adapter.input(self.change_adapter, self.adapter, [*asking, self._verdict], **PRIVATE)
        self._blind.input(self.start_anew, None, asking, **PRIVATE)

    @show_errors
    @require("annotator")
    def open(self, adapter_id: int | None, request: gr.Request) -> dict[Any, Any]:
        """Offer the adapters and held-out prompts that there are now."""
        choices, chosen = adapter_choices(self._context, adapter_id)
        heldout = [
            (prompt_label(messages), json.dumps(messages))
            for messages in comparing.heldout_prompts(self._context)
        ]
        # A valid choice is not sent back: the person may have changed it in the meantime.
        value = {} if chosen == adapter_id else {"value": chosen}
        return {
            self._empty: gr.Column(visible=not choices),
            self._stage: gr.Column(visible=bool(choices)),
            self.adapter: gr.Dropdown(choices, **value),
            self._heldout: gr.Dropdown(heldout, value=None),
            self._verdict: self._verdict_of(chosen),
        }

    @show_errors
    @require("annotator")
    def choose(self, adapter_id: int | None, request: gr.Request) -> dict[Any, Any]:
        """Compare this adapter: the way in from the Train screen."""
        choices, _ = adapter_choices(self._context, adapter_id)
        return {
            self.adapter: gr.Dropdown(choices, value=adapter_id),
            **self._begun(Talk()),
            self._verdict: self._verdict_of(adapter_id),
        }

    @show_errors
    @require("annotator")
    def pick(self, chosen: str | None, request: gr.Request) -> dict[Any, Any]:
        """Begin a conversation with a held-out prompt; its earlier turns come along."""
        if not chosen:
            return {self._heldout: gr.skip()}
        *earlier, last = [
            {"role": str(message["role"]), "content": str(message["content"])}
            for message in json.loads(chosen)
        ]
        talk = Talk(left=tuple(earlier), right=tuple(earlier))
        return {**self._begun(talk), self._prompt: last["content"]}

    @show_errors
    @require("annotator")
    def ask(
        self, request: gr.Request, talk: Talk, adapter: int | None, prompt: str, *options: Any
    ) -> Iterator[dict[Any, Any]]:
        """Stream both answers; the finished turn becomes part of the conversation."""
        blind, *sampling = options
        if talk.adapter_id is None:
            talk = replace(talk, adapter_id=adapter, blind=bool(blind))
        left, right = talk.asked(prompt.strip())
        yield {**self._shown(replace(talk, pair_id=None), left, right), **self._busy(True)}
        turn = Turn(
            adapter_id=talk.adapter_id or 0,
            left=left,
            right=right,
            sampling=sampling_of(tuple(sampling)),
            blind=talk.blind,
            previous_pair_id=talk.last_pair_id,
        )
        answer = Comparison("", "")
        for answer in comparing.stream(self._context, current_user(request), turn):
            if not answer.finished:
                yield {
                    self._chats[0]: [*left, _answer(answer.left_text)],
                    self._chats[1]: [*right, _answer(answer.right_text)],
                }
        yield {**self._begun(_with_answer(talk, (left, right), answer)), self._prompt: ""}

    @show_errors
    @require("annotator")
    def vote(self, talk: Talk, choice: str, request: gr.Request) -> dict[Any, Any]:
        """Store the vote, reveal the names, and go on from the preferred answer."""
        if talk.pair_id is None:
            return {self._hint: NO_VOTE_YET}
        submission = Submission(talk.submit_id, talk.pair_id, choice)
        result = comparing.vote(self._context, current_user(request), submission)
        kept = (
            "The conversation goes on from the preferred answer."
            if choice in ("left", "right")
            else "Each side goes on from its own answer, so later turns cannot be voted on."
        )
        voted = replace(
            talk.after_vote(choice),
            names=(result.left_name, result.right_name),
            hint=f"Thank you. {kept}",
        )
        return {
            self._talk: voted,
            # The answers that were voted on stay on the screen until the next prompt.
            **self._shown(voted, list(talk.left), list(talk.right)),
            self._verdict: escaped(result.win_rate.sentence),
        }

    @show_errors
    @require("annotator")
    def show(self, talk: Talk, request: gr.Request) -> dict[Any, Any]:
        """Show the conversation as it stands, after a stopped or failed turn."""
        return {**self._shown(talk), **self._busy(False)}

    @show_errors
    @require("annotator")
    def start_anew(self, request: gr.Request) -> dict[Any, Any]:
        """Empty both sides."""
        return self._begun(Talk())

    @show_errors
    @require("annotator")
    def change_adapter(self, adapter_id: int | None, request: gr.Request) -> dict[Any, Any]:
        """Another adapter begins another conversation."""
        return {**self._begun(Talk()), self._verdict: self._verdict_of(adapter_id)}

    def _begun(self, talk: Talk) -> dict[Any, Any]:
        return {self._talk: talk, **self._shown(talk), **self._busy(False)}

    def _verdict_of(self, adapter_id: int | None) -> str:
        if adapter_id is None:
            return ""
        return escaped(comparing.verdict(self._context, adapter_id).sentence)

    def _shown(
        self, talk: Talk, left: Messages | None = None, right: Messages | None = None
    ) -> dict[Any, Any]:
        titles = talk.names or (("Left", "Right") if talk.blind else ("Base", "Tuned"))
        can_vote = talk.pair_id is not None
        return {
            self._titles[0]: escaped(titles[0]),
            self._titles[1]: escaped(titles[1]),
            self._chats[0]: list(talk.left) if left is None else left,
            self._chats[1]: list(talk.right) if right is None else right,
            **{button: gr.Button(interactive=can_vote) for button in self._votes.values()},
            self._hint: "" if can_vote else escaped(talk.hint or NO_VOTE_YET),
        }

    def _busy(self, is_busy: bool) -> dict[Any, Any]:
        return {
            self._send: gr.Button(visible=not is_busy),
            self._stop: gr.Button(visible=is_busy),
        }


def _answer(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


def _with_answer(talk: Talk, asked: tuple[Messages, Messages], answer: Comparison) -> Talk:
    """The conversation with a finished turn at its end."""
    return replace(
        talk,
        left=(*asked[0], _answer(answer.left_text)),
        right=(*asked[1], _answer(answer.right_text)),
        pair_id=answer.pair_id,
        last_pair_id=answer.pair_id or talk.last_pair_id,
        submit_id=uuid.uuid4().hex,
        hint=answer.notice,
    )
