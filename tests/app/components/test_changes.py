import gradio as gr

from app.components.changes import only_changes


def test_what_the_page_shows_already_is_not_sent_again() -> None:
    with gr.Blocks():
        text, button = gr.Markdown(), gr.Button()
    updates = {text: "7 pairs", button: gr.Button("Stop", visible=True)}
    seen, first = only_changes({}, updates)
    assert set(first) == {text, button}
    seen, second = only_changes(seen, {text: "7 pairs", button: gr.Button("Stop", visible=True)})
    assert second == {}
    _, third = only_changes(seen, {text: "8 pairs", button: gr.Button("Stop", visible=True)})
    assert set(third) == {text}
