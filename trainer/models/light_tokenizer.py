"""A model's tokenizer and chat template read straight from its files, without transformers.

Has just what `encode_conversation` asks of a tokenizer, so that the web process can count the
same tokens as a worker trains on.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Tokenizer

from trainer.models.chat_template import Message


class LightTokenizer:
    """Tokenizer and chat template of one model folder."""

    def __init__(self, folder: Path) -> None:
        """Read the folder's files. Raises OSError or ValueError where they cannot be used."""
        self._tokens = Tokenizer.from_str((folder / "tokenizer.json").read_text(encoding="utf-8"))
        self._tokens.no_truncation()
        self._tokens.no_padding()
        config = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        self._named_tokens = {
            name: text
            for name, value in config.items()
            if name.endswith("_token") and (text := _token_text(value))
        }
        self._source = _template_source(folder, config)

    @cached_property
    def added_tokens_decoder(self) -> dict[int, AddedToken]:
        """The tokens that stand outside of the vocabulary proper, by id."""
        return dict(self._tokens.get_added_tokens_decoder())

    @property
    def all_special_tokens(self) -> list[str]:
        """Beginning, end, padding and the like, as text."""
        return list(self._named_tokens.values())

    def __call__(self, text: str, *, add_special_tokens: bool) -> dict[str, list[int]]:
        """Token ids of a text, as `input_ids`."""
        return {"input_ids": self._tokens.encode(text, add_special_tokens=add_special_tokens).ids}

    def apply_chat_template(
        self, messages: Sequence[Message], *, add_generation_prompt: bool, tokenize: bool
    ) -> str:
        """The conversation as one text; it is never tokenised here."""
        return self._render(
            messages=[dict(message) for message in messages],
            add_generation_prompt=add_generation_prompt,
            tools=None,
            documents=None,
            **self._named_tokens,
        )

    @cached_property
    def _render(self) -> Callable[..., str]:
        # A template may come from anybody: it runs in jinja's sandbox, as in transformers.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=[_GenerationBlock, "jinja2.ext.loopcontrols"],
        )
        environment.filters["tojson"] = _to_json
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda pattern: datetime.now().strftime(pattern)
        return environment.from_string(self._source).render


class _GenerationBlock(Extension):
    """`{% generation %}` marks what the model writes; here it is just text."""

    tags = {"generation"}

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """Take the block's content as it is."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def _template_source(folder: Path, config: dict[str, Any]) -> str:
    """The chat template: a file of its own, or in the tokenizer's configuration."""
    file = folder / "chat_template.jinja"
    if file.exists():
        return file.read_text(encoding="utf-8")
    found = config.get("chat_template")
    if isinstance(found, list):
        found = {entry["name"]: entry["template"] for entry in found}.get("default")
    if not isinstance(found, str):
        raise ValueError(f"{folder} has no chat template")
    return found


def _token_text(value: Any) -> str | None:
    text = value.get("content") if isinstance(value, dict) else value
    return text if isinstance(text, str) else None


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _refuse(message: str) -> None:
    raise TemplateError(message)
