"""The Label screen: one pair at a time, blind, and the next one already there.

The script `hotkeys.js` shows one of two decks and keeps the other filled; each exchange with the
server is one event. The request says what lies in the decks, the answer fills what has changed.
"""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app.components.events import PRIVATE
from app.components.markup import model_text, own_markup, sentence
from app.services.context import Context, User
from app.services.labels import labelling
from app.services.labels.labelling import Edit, LabelScreen, PairScreen, Progress, Submission
from app.web.errors import KNOWN_ERRORS, show_errors
from app.web.security import current_user, require
from app.wording.conversations import answer_text, conversation
from app.wording.labelling import label_progress, nothing_to_label
from app.wording.text import escaped
from storage.errors import InputError


@dataclass(frozen=True)
class LabelRequest:
    """What the script asks for.

    `decks` are the pair ids in the two decks, 0 for an empty one; `contents` what it was told that
    they show.
    """

    serial: int
    action: str
    plain: bool
    front: int
    decks: tuple[int, int]
    contents: tuple[str, str] = ("", "")
    submission: Submission | None = None
    pair_id: int = 0

    @classmethod
    def from_json(cls, text: str) -> "LabelRequest":
        """Read a request; raises InputError for anything that the script would not send."""
        try:
            data = json.loads(text)
            first, second = (int(pair_id) for pair_id in data["decks"])
            left, right = (str(content) for content in data["contents"])
            return cls(
                serial=int(data["serial"]),
                action=str(data["action"]),
                plain=bool(data["plain"]),
                front=1 if data["front"] == 1 else 0,
                decks=(first, second),
                contents=(left, right),
                submission=_submission(data) if data["action"] == "verdict" else None,
                pair_id=int(data.get("pair_id", 0)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("The page sent a request that it never should. Reload it.") from error


def _submission(data: dict[str, Any]) -> Submission:
    return Submission(
        submit_id=str(data["submit_id"]),
        pair_id=int(data["pair_id"]),
        choice=str(data["choice"]),
        seconds=float(data["seconds"]),
        rationale=str(data["rationale"]) or None,
        shown=str(data["shown"]),
    )


@dataclass(frozen=True)
class _Deck:
    """The widgets that show one pair."""

    earlier_fold: gr.Accordion
    earlier: gr.Markdown
    prompt: gr.Markdown
    left: gr.Markdown
    right: gr.Markdown

    def widgets(self) -> list[Any]:
        return [self.earlier_fold, self.earlier, self.prompt, self.left, self.right]

    def fill(self, pair: PairScreen, *, plain: bool) -> dict[Any, Any]:
        earlier, latest = conversation(pair.messages, plain=plain)
        return {
            self.earlier_fold: gr.Accordion(visible=bool(earlier), open=False),
            self.earlier: earlier,
            self.prompt: latest,
            self.left: answer_text(pair.left, plain=plain),
            self.right: answer_text(pair.right, plain=plain),
        }


def arrange(request: LabelRequest, screen: LabelScreen) -> tuple[int, tuple[int, int]]:
    """Which deck to show, and which pair each deck should hold.

    A pair that lies in a deck already stays there: what is on the screen is not drawn again.
    """
    current = screen.current.pair_id if screen.current else 0
    upcoming = screen.upcoming.pair_id if screen.upcoming else 0
    if current and current in request.decks:
        front = request.decks.index(current)
    elif upcoming and upcoming in request.decks:
        front = 1 - request.decks.index(upcoming)
    else:
        front = request.front
    return front, (current, upcoming) if front == 0 else (upcoming, current)


class LabelTab:
    """The screen's widgets and its handlers."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None:
        """Lay the screen out; the script sends its first request when the tab is opened."""
        with gr.Row(elem_id="label-bar", elem_classes=["actions"]):
            self._progress = sentence(" ", elem_id="label-progress")
            gr.Button("Plain text", elem_id="label-plain", size="sm")
            gr.Button("Keys", elem_id="label-keys", size="sm")
        self._notice = sentence(elem_id="label-notice", elem_classes=["notice"])
        self._build_empty()
        with gr.Column(elem_id="label-stage"):
            self._decks = self._build_decks()
            self._build_verdicts()
        self._build_edit()
        self._build_reason()
        self._state = own_markup("label-state")
        self._request = gr.Textbox(elem_id="label-request", visible="hidden", show_label=False)
        self._wire()

    def _build_empty(self) -> None:
        with gr.Column(elem_id="label-empty", elem_classes=["empty"]):
            self._empty = sentence("### Loading the next pair …")
            with gr.Row(elem_classes=["actions"]):
                self._reopen = gr.Button(
                    "See the skipped again", elem_id="label-reopen", visible=False
                )
                self._train = gr.Button(
                    "Train on the labels", variant="primary", elem_classes=["goto-train"]
                )
                self._generate = gr.Button("Generate more pairs", elem_classes=["goto-prompts"])

    def _build_decks(self) -> list[_Deck]:
        with gr.Column(elem_id="label-prompt-card", elem_classes=["card"]):
            own_markup("label-prompt-title", "<h3>Prompt</h3>", elem_classes=["card-title"])
            prompts = [_prompt_part(deck) for deck in (0, 1)]
        with gr.Row(elem_id="label-answers"):
            sides = []
            for side in ("left", "right"):
                with gr.Column(elem_classes=["card"], min_width=300):
                    title = f"<h3>{side.capitalize()}</h3>"
                    own_markup(f"label-{side}-title", title, elem_classes=["card-title"])
                    sides.append([_answer_part(side, deck) for deck in (0, 1)])
        return [_Deck(*prompts[deck], left=sides[0][deck], right=sides[1][deck]) for deck in (0, 1)]

    def _build_verdicts(self) -> None:
        with gr.Row(elem_id="label-verdicts"):
            gr.Button("Left is better", elem_id="label-choose-left")
            gr.Button("Tie", elem_id="label-tie")
            gr.Button("Both bad", elem_id="label-both-bad")
            gr.Button("Skip", elem_id="label-skip")
            gr.Button("Right is better", elem_id="label-choose-right")
            gr.Button("Undo", elem_id="label-undo")
            gr.Button("Edit", elem_id="label-edit")

    def _build_reason(self) -> None:
        with gr.Accordion("Add a reason (optional)", open=False, elem_id="label-reason"):
            gr.Textbox(
                elem_id="label-rationale",
                show_label=False,
                lines=2,
                max_length=2000,
                placeholder="Why is it better? Stored with your next verdict.",
            )

    def _build_edit(self) -> None:
        with gr.Column(visible=False, elem_id="label-edit-panel", elem_classes=["pane"]) as panel:
            sentence(
                "Write a better version of one answer. It is stored as chosen over the original; "
                "the pair stays open for your verdict.",
                elem_classes=["muted"],
            )
            with gr.Row():
                self._texts, self._saves = [], []
                for side in ("left", "right"):
                    with gr.Column(min_width=300):
                        text = gr.Textbox(
                            label=f"{side.capitalize()} answer",
                            lines=6,
                            max_lines=16,
                            elem_id=f"label-edit-{side}",
                        )
                        save = gr.Button(f"Save the {side} one", elem_id=f"label-save-{side}")
                    self._texts.append(text)
                    self._saves.append(save)
            close = gr.Button("Close", size="sm", elem_id="label-edit-close")
        self._edit_panel = panel
        self._edit_close = close
        self._edited = gr.State(("", 0))

    def _wire(self) -> None:
        decks = [widget for deck in self._decks for widget in deck.widgets()]
        edit = [self._edit_panel, *self._texts, self._edited]
        empty = [self._empty, self._reopen, self._train, self._generate]
        shown = [self._progress, self._notice, *empty, self._state, *decks, *edit]
        self._request.change(
            self.exchange, self._request, shown, trigger_mode="multiple", **PRIVATE
        )
        saved = [self._notice, self._edit_panel]
        for side, text, save in zip(("left", "right"), self._texts, self._saves, strict=True):
            save.click(self.save, [self._edited, gr.State(side), text], saved, **PRIVATE)
        self._edit_close.click(self.close_edit, None, self._edit_panel, **PRIVATE)

    @show_errors
    @require("annotator")
    def exchange(self, request_text: str, request: gr.Request) -> dict[Any, Any]:
        """Carry out one request of the script, and show what comes next."""
        user = current_user(request)
        asked = LabelRequest.from_json(request_text)
        try:
            screen, notice = self._carry_out(user, asked), ""
        except KNOWN_ERRORS as error:
            screen, notice = labelling.fetch(self._context, user), str(error)
        updates = self._show(asked, screen)
        if asked.action != "fetch" or notice:
            updates[self._notice] = escaped(notice or screen.notice)
        if asked.action == "edit" and screen.current:
            updates |= self._open_edit(screen.current)
        elif asked.action in ("verdict", "undo"):
            updates[self._edit_panel] = gr.Column(visible=False)
        return updates

    def _carry_out(self, user: User, asked: LabelRequest) -> LabelScreen:
        if asked.submission:
            return labelling.submit(self._context, user, asked.submission)
        if asked.action == "undo":
            return labelling.undo(self._context, user)
        if asked.action == "reopen":
            return labelling.reopen_skipped(self._context, user)
        return labelling.fetch(self._context, user)

    def _show(self, asked: LabelRequest, screen: LabelScreen) -> dict[Any, Any]:
        front, wanted = arrange(asked, screen)
        pairs = {pair.pair_id: pair for pair in (screen.current, screen.upcoming) if pair}
        updates: dict[Any, Any] = {}
        for deck, content, pair_id in zip(self._decks, asked.contents, wanted, strict=True):
            if pair_id and content != pairs[pair_id].shown:
                updates |= deck.fill(pairs[pair_id], plain=asked.plain)
        state = {
            "serial": asked.serial,
            "front": front,
            "decks": wanted,
            "contents": [pairs[pair_id].shown if pair_id else "" for pair_id in wanted],
            "previous": screen.current.previous_choice if screen.current else None,
            "position": screen.progress.position,
            "total": screen.progress.position - 1 + screen.progress.num_open,
        }
        return (
            updates
            | self._show_empty(screen.progress)
            | {
                self._progress: label_progress(screen.progress, has_pair=bool(screen.current)),
                self._state: f"`{json.dumps(state)}`",
            }
        )

    def _show_empty(self, progress: Progress) -> dict[Any, Any]:
        has_labels = bool(progress.by_all)
        return {
            self._empty: nothing_to_label(progress),
            self._reopen: gr.Button(visible=bool(progress.num_skipped)),
            self._train: gr.Button(visible=has_labels),
            self._generate: gr.Button(
                "Generate more pairs" if has_labels else "Generate pairs",
                variant="secondary" if has_labels else "primary",
            ),
        }

    def _open_edit(self, pair: PairScreen) -> dict[Any, Any]:
        return {
            self._edit_panel: gr.Column(visible=True),
            self._texts[0]: pair.left,
            self._texts[1]: pair.right,
            self._edited: (uuid.uuid4().hex, pair.pair_id),
        }

    @show_errors
    @require("annotator")
    def save(
        self, edited: tuple[str, int], side: str, text: str, request: gr.Request
    ) -> dict[Any, Any]:
        """Store the edited answer of one side; the service checks who holds the pair."""
        submit_id, pair_id = edited
        edit = Edit(submit_id=f"{submit_id}-{side}", pair_id=pair_id, side=side, text=text)
        screen = labelling.save_edit(self._context, current_user(request), edit)
        return {self._notice: escaped(screen.notice), self._edit_panel: gr.Column(visible=False)}

    @show_errors
    @require("annotator")
    def close_edit(self, request: gr.Request) -> Any:
        """Close the edit without storing anything."""
        return gr.Column(visible=False)


def _prompt_part(deck: int) -> tuple[gr.Accordion, gr.Markdown, gr.Markdown]:
    with gr.Column(elem_id=_deck_id("prompt", deck), elem_classes=[f"deck-{deck}", "deck"]):
        with gr.Accordion("Show the earlier turns", open=False, visible=False) as fold:
            earlier = model_text()
        return fold, earlier, model_text()


def _answer_part(side: str, deck: int) -> gr.Markdown:
    return model_text(_deck_id(side, deck), elem_classes=[f"deck-{deck}", "deck", "answer"])


def _deck_id(part: str, deck: int) -> str:
    return f"label-{part}" if deck == 0 else f"label-{part}-next"
