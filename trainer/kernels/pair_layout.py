"""A batch of pairs as one row of tokens, in which nothing is padding and no beginning comes twice.

What all prompts of the batch begin with (a system prompt, say) comes first, and once. After it each
pair is [chosen | prompt | rejected], the chosen answer from its end to its start. Every token has
its position beside it, so the order is free; with this one, what a token sees of its conversation
lies side by side. An answer's last token is left out: nothing is predicted from it, or sees it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import chain
from os.path import commonprefix
from typing import Any

import torch

# Tokens. Short blocks leave little to the mask, long ones leave few products to start. On two cores
# all from 96 to 256 take the same time.
MAX_BLOCK_TOKENS = 192
COMMON = 0  # segment id of what all prompts begin with

Ids = list[int]


@dataclass(frozen=True)
class Block:
    """Tokens that a model computes at once, and all that any of them can see: n and m tokens."""

    queries: slice  # of the row
    keys: slice  # of the row's `seen` tokens
    mask: torch.Tensor  # (n, m): 0 or minus infinity, added to scores


@dataclass(frozen=True)
class Pair:
    """Where one pair lies in a row whose first `num_common` tokens are the start of its prompt."""

    start: int
    num_common: int
    num_prompt: int  # of its own
    num_chosen: int  # without the last token, as for the rejected answer
    num_rejected: int

    @property
    def end(self) -> int:
        """Index of the token behind it."""
        return self.start + self.num_chosen + self.num_prompt + self.num_rejected

    def positions(self) -> list[int]:
        """Position of each of its tokens in its own conversation."""
        prompt_end = self.num_common + self.num_prompt
        chosen, prompt, rejected = (
            range(prompt_end, prompt_end + self.num_chosen),
            range(self.num_common, prompt_end),
            range(prompt_end, prompt_end + self.num_rejected),
        )
        return [*reversed(chosen), *prompt, *rejected]

    def segments(self, prompt: int) -> list[int]:
        """Segment id of each of its tokens, where its prompt's is `prompt`; its answers' follow."""
        return [
            *[prompt + 1] * self.num_chosen, *[prompt] * self.num_prompt,
            *[prompt + 2] * self.num_rejected,
        ]  # fmt: skip

    def predicted_from(self) -> tuple[list[int], list[int]]:
        """Index in the row whose output predicts each token of the chosen and the rejected answer.

        The first token of either is predicted by the prompt's last.
        """
        prompt_end = self.start + self.num_chosen + self.num_prompt
        last = (prompt_end if self.num_prompt else self.num_common) - 1
        chosen = range(self.start, self.start + self.num_chosen)
        return [last, *reversed(chosen)], [last, *range(prompt_end, self.end)]

    def seen(self) -> list[slice]:
        """All that its tokens can see: the chosen answer, the prompt and the rejected answer."""
        chosen_end = self.start + self.num_chosen
        return [
            slice(self.start, chosen_end), slice(0, self.num_common), slice(chosen_end, self.end)
        ]  # fmt: skip

    def parts(self) -> Iterator[slice]:
        """Its tokens in stretches that are short enough for a block."""
        start = self.start
        for num_tokens in (self.num_chosen + self.num_prompt, self.num_rejected):
            number = -(-num_tokens // MAX_BLOCK_TOKENS)
            for part in range(number):
                first, last = (num_tokens * edge // number for edge in (part, part + 1))
                yield slice(start + first, start + last)
            start += num_tokens


@dataclass(frozen=True)
class PairLayout:
    """A batch of B pairs as one row of S tokens with N answer tokens in all.

    Made on the host, once for a batch, and moved to the device with it.
    """

    input_ids: torch.Tensor  # (1, S)
    position_ids: torch.Tensor  # (1, S)
    segment_ids: torch.Tensor  # (S,) COMMON, or one for each prompt and each answer
    prompt_segments: torch.Tensor  # (S,) segment id of the prompt that a token belongs to
    pairs: tuple[Pair, ...]
    predicted_from: torch.Tensor  # (N,) index into S
    targets: torch.Tensor  # (N,) answer tokens, row by row of TRL's batch
    places: torch.Tensor  # (N,) where TRL's (2B, T - 1) log-probabilities, flat, have them
    seen: tuple[slice, ...]  # what each pair can see, pair after pair, as stretches of the row
    _made: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> "PairLayout":
        """The layout on a device; accelerate calls this as it does a tensor's."""
        return self._each(lambda part: part.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> "PairLayout":
        """The layout in pinned memory; torch's DataLoader calls this as it does a tensor's."""
        return self._each(torch.Tensor.pin_memory)

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> "PairLayout":
        parts = {part.name: getattr(self, part.name) for part in fields(self) if part.init}
        tensors = {
            name: change(part) for name, part in parts.items() if isinstance(part, torch.Tensor)
        }
        return replace(self, **tensors)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for all layers that ask for it under `key`."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def can_see(self, window: int | None) -> Callable[..., torch.Tensor]:
        """Whether a token sees another, by their indices in the row, as a mask of FlexAttention.

        It sees what all prompts begin with, its own prompt and its own answer up to itself, within
        `window` positions if there is one. As it is compiled there, it may only index tensors.
        """
        segments, prompts, positions = self.segment_ids, self.prompt_segments, self.position_ids[0]

        def sees(
            _batch: object, _head: object, query: torch.Tensor, key: torch.Tensor
        ) -> torch.Tensor:
            of_key = segments[key]
            is_own = (of_key == segments[query]) | (of_key == prompts[query]) | (of_key == COMMON)
            distance = positions[query] - positions[key]
            seen = is_own & (distance >= 0)
            return seen if window is None else seen & (distance < window)

        return sees

    def placed(self, values: torch.Tensor, shape: torch.Size) -> torch.Tensor:
        """Values of answer tokens (N,) at their places in TRL's batch, of `shape`; else zeros."""
        return values.new_zeros(shape.numel()).index_copy(0, self.places, values).view(shape)

    def blocks(self, window: int | None, *, like: torch.Tensor) -> list[Block]:
        """Who attends to what, with masks of the type of `like`."""
        blocks: list[Block] = self.once(
            (window, like.dtype),
            lambda: [
                Block(block.queries, block.keys, block.mask.to(like))
                for block in self._all_blocks(window)
            ],
        )
        return blocks

    def _all_blocks(self, window: int | None) -> Iterator[Block]:
        num_common = self.pairs[0].num_common
        # What is common sees itself alone, as if it were the prompt of a pair without answers.
        yield from self._blocks(Pair(0, 0, num_common, 0, 0), self.pairs[0].num_chosen, window)
        offset = 0
        for pair in self.pairs:
            yield from self._blocks(pair, offset, window)
            offset += pair.end - pair.start + num_common

    def _blocks(self, pair: Pair, offset: int, window: int | None) -> Iterator[Block]:
        """One pair in blocks; what it has `seen` starts at `offset`."""
        sees = self.can_see(window)
        keys = torch.cat([torch.arange(part.start, part.stop) for part in pair.seen()])
        for part in pair.parts():
            visible = sees(None, None, torch.arange(part.start, part.stop)[:, None], keys)
            columns = visible.any(dim=0).nonzero()
            first, last = int(columns.min()), int(columns.max())
            mask = torch.zeros(visible.shape).masked_fill_(~visible, -torch.inf)
            yield Block(part, slice(offset + first, offset + last + 1), mask[:, first : last + 1])


def lay_out(pairs: Sequence[tuple[Ids, Ids, Ids]], width: int) -> PairLayout | None:
    """Lay pairs of prompt, chosen and rejected answer out as one row.

    `width` is that of TRL's batch of the same pairs, (2B, T), first the chosen then the rejected
    rows. None where a pair does not fit into that, or has no prompt to predict its answers from.
    """
    longest = max(len(prompt) + max(map(len, answers)) for prompt, *answers in pairs)
    if longest > width or not all(prompt for prompt, _, _ in pairs):
        return None
    num_common = len(commonprefix([prompt for prompt, _, _ in pairs]))
    laid: list[Pair] = []
    for prompt, *answers in pairs:
        start = laid[-1].end if laid else num_common
        read = [len(answer[:-1]) for answer in answers]
        laid.append(Pair(start, num_common, len(prompt) - num_common, *read))
    rows = [
        [*reversed(chosen[:-1]), *prompt[num_common:], *rejected[:-1]]
        for prompt, chosen, rejected in pairs
    ]
    # A pair has three segments; what is common is the prompt of one without answers before them.
    segments = [pair.segments(3 * number) for number, pair in enumerate(laid, start=1)]
    prompts = [[3 * number] * len(row) for number, row in enumerate(rows, start=1)]
    common = [COMMON] * num_common
    seen = [stretch for pair in laid for stretch in pair.seen()]
    return PairLayout(
        input_ids=_joined(pairs[0][0][:num_common], rows)[None],
        position_ids=_joined(range(num_common), [pair.positions() for pair in laid])[None],
        segment_ids=_joined(common, segments),
        prompt_segments=_joined(common, prompts),
        pairs=tuple(laid),
        **_answers(pairs, laid, width),
        seen=tuple(stretch for stretch in seen if stretch.stop > stretch.start),
    )


def _answers(
    pairs: Sequence[tuple[Ids, Ids, Ids]], laid: Sequence[Pair], width: int
) -> dict[str, torch.Tensor]:
    """What is predicted, from where, and the places of it in TRL's batch of this width."""
    targets, predicted_from, places = [], [], []
    for side in (0, 1):
        for number, (prompt, *answers) in enumerate(pairs):
            answer = answers[side]
            first = (side * len(pairs) + number) * (width - 1) + len(prompt) - 1
            targets.append(answer)
            # max_length may have cut a whole answer away
            predicted_from.append(laid[number].predicted_from()[side][: len(answer)])
            places.append(range(first, first + len(answer)))
    return {
        "targets": _joined([], targets),
        "predicted_from": _joined([], predicted_from),
        "places": _joined([], places),
    }


def _joined(first: Iterable[int], others: Iterable[Iterable[int]]) -> torch.Tensor:
    return torch.tensor([*first, *chain.from_iterable(others)], dtype=torch.long)
