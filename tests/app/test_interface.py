"""What the page is made of: names that scripts rely on, and nothing that its policy forbids."""

from collections.abc import Iterator

import gradio as gr
import pytest

from app import interface
from app.web.server import open_context
from storage.schema.database import open_database
from storage.settings import Settings

ENDPOINTS = {
    "import_file",
    "import_dataset",
    "generate_pairs",
    "submit_and_next",
    "start_run",
    "runs",
    "run_status",
    "stop_run",
    "resume_run",
    "export_model",
    "compare",
    "heldout_prompts",
    "vote",
    "browse",
    "export",
    "statistics",
}
CONTROLS = {
    "tab-prompts",
    "tab-label",
    "tab-train",
    "tab-compare",
    "tab-statistics",
    "tab-data",
    "prompts-file",
    "prompts-import",
    "prompts-count",
    "pairs-count-input",
    "pairs-generate",
    "pairs-status",
    "label-prompt",
    "label-left",
    "label-right",
    "label-choose-left",
    "label-choose-right",
    "label-tie",
    "label-both-bad",
    "label-skip",
    "label-undo",
    "label-edit",
    "label-rationale",
    "label-progress",
    "train-recipe",
    "train-model",
    "train-preset",
    "train-preset-name",
    "train-preset-save",
    "train-preset-delete",
    "train-start",
    "train-stop",
    "train-resume",
    "train-status",
    "train-plot",
    "train-log",
    "train-diagnosis",
    "train-preflight",
    "compare-adapter",
    "compare-prompt",
    "compare-send",
    "compare-left",
    "compare-right",
    "compare-blind",
    "compare-vote-left",
    "compare-vote-right",
    "compare-vote-tie",
    "compare-vote-bad",
    "compare-verdict",
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[gr.Blocks]:
    settings = Settings(data_folder=tmp_path_factory.mktemp("page") / "data")
    context = open_context(settings, open_database(settings))
    yield interface.build(context)
    context.chat.close()
    context.database.close()


def test_every_control_has_its_name_once(page: gr.Blocks) -> None:
    names = [block.elem_id for block in page.blocks.values() if getattr(block, "elem_id", None)]
    assert set(names) >= CONTROLS
    assert len(names) == len(set(names))


def test_the_named_endpoints_are_the_only_public_ones(page: gr.Blocks) -> None:
    public = {fn.api_name for fn in page.fns.values() if fn.api_visibility == "public"}
    assert public == ENDPOINTS


def test_no_event_covers_the_page_while_it_runs(page: gr.Blocks) -> None:
    assert {fn.show_progress for fn in page.fns.values() if fn.fn} == {"hidden"}


def test_nothing_needs_eval_in_the_browser(page: gr.Blocks) -> None:
    assert [fn.name for fn in page.fns.values() if fn.js] == []
    assert [block for block in page.blocks.values() if isinstance(block, gr.HTML | gr.Plot)] == []
    assert "js" not in interface.MOUNT_OPTIONS


def test_only_markup_of_our_own_is_left_unsanitised(page: gr.Blocks) -> None:
    unsanitised = [
        block
        for block in page.blocks.values()
        if isinstance(block, gr.Markdown | gr.Chatbot) and not block.sanitize_html
    ]
    assert unsanitised
    assert [block for block in unsanitised if "own-markup" not in block.elem_classes] == []


def test_the_page_asks_nobody_else_for_anything() -> None:
    assert "http" not in interface.MOUNT_OPTIONS["head"]
    assert interface.MOUNT_OPTIONS["theme"]._stylesheets == []
    assert interface.MOUNT_OPTIONS["footer_links"] == []
