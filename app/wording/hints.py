"""A word of the field, explained behind a small "?". Knows nothing of Gradio."""


def hint(help_text: str) -> str:
    """A "?" that says `help_text` (fixed words) on hover, on focus and to a screen reader."""
    if not help_text:
        return ""
    return (
        f'<span class="hint" tabindex="0" role="note" aria-label="{help_text}" '
        f'data-help="{help_text}">?</span>'
    )
