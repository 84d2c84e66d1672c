"""A batch of pairs as one row of tokens, in which nothing is padding and no beginning comes twice.

What all prompts of the batch begin with (a system prompt, say) comes first, and once. After it each
pair is [chosen | prompt | rejected], the chosen answer from its end to its start. Every token has
its position beside it, so the order is free; with this one, what a token sees of its conversation
lies side by side. An answer's last token is left out: nothing is predicted from it, or sees it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

# Tokens. Short blocks leave little to the mask, long ones leave few products to start. On two cores
# all from 96 to 256 take the same time.
MAX_BLOCK_TOKENS = 192


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

    def positions(self) -> torch.Tensor:
        """Position of each of its tokens in its own conversation."""
        answers_start = self.num_common + self.num_prompt
        chosen, rejected = torch.arange(self.num_chosen), torch.arange(self.num_rejected)
        prompt = torch.arange(self.num_common, answers_start)
        return torch.cat([chosen.flip(0) + answers_start, prompt, rejected + answers_start])

    def answers(self) -> torch.Tensor:
        """What each of its tokens belongs to: 0 prompt, 1 chosen answer, 2 rejected answer."""
        return torch.tensor([1, 0, 2]).repeat_interleave(
            torch.tensor([self.num_chosen, self.num_prompt, self.num_rejected])
        )

    def predicted_from(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Index in the row whose output predicts each token of the chosen and the rejected answer.

        The first token of either is predicted by the prompt's last.
        """
        prompt_end = self.start + self.num_chosen + self.num_prompt
        last = torch.tensor([(prompt_end if self.num_prompt else self.num_common) - 1])
        chosen = torch.arange(self.start, self.start + self.num_chosen).flip(0)
        return torch.cat([last, chosen]), torch.cat([last, torch.arange(prompt_end, self.end)])

    def seen(self) -> list[slice]:
        """All that its tokens can see: the chosen answer, the prompt and the rejected answer."""
        chosen_end = self.start + self.num_chosen
        return [
            slice(self.start, chosen_end), slice(0, self.num_common), slice(chosen_end, self.end)
        ]  # fmt: skip

    def blocks(self, offset: int, window: int | None) -> Iterator[Block]:
        """The pair in short blocks of tokens; what it has `seen` starts at `offset`.

        A token sees the prompt and its own answer up to itself, within `window` positions if there
        is one.
        """
        positions, answers = self.positions(), self.answers()

        def with_common(values: torch.Tensor, common: torch.Tensor) -> torch.Tensor:
            return torch.cat([values[: self.num_chosen], common, values[self.num_chosen :]])

        of_keys = with_common(answers, torch.zeros(self.num_common, dtype=torch.long))
        keys = with_common(positions, torch.arange(self.num_common))
        for part in self._parts():
            distance = positions[part, None] - keys
            visible = (distance >= 0) & ((of_keys == 0) | (of_keys == answers[part, None]))
            if window is not None:
                visible &= distance < window
            columns = visible.any(dim=0).nonzero()
            first, last = int(columns.min()), int(columns.max())
            mask = torch.zeros(visible.shape).masked_fill_(~visible, -torch.inf)
            yield Block(
                slice(self.start + part.start, self.start + part.stop),
                slice(offset + first, offset + last + 1),
                mask[:, first : last + 1],
            )

    def _parts(self) -> Iterator[slice]:
        start = 0
        for num_tokens in (self.num_chosen + self.num_prompt, self.num_rejected):
            number = -(-num_tokens // MAX_BLOCK_TOKENS)
            for part in range(number):
                first, last = (num_tokens * edge // number for edge in (part, part + 1))
                yield slice(start + first, start + last)
            start += num_tokens


@dataclass(frozen=True)
class PairLayout:
    """A batch of B pairs as one row of S tokens with N answer tokens in all."""

    input_ids: torch.Tensor  # (1, S)
    position_ids: torch.Tensor  # (1, S)
    pairs: tuple[Pair, ...]
    predicted_from: torch.Tensor  # (N,) index into S
    targets: torch.Tensor  # (N,) answer tokens, row by row of TRL's batch
    seen: tuple[slice, ...]  # what each pair can see, pair after pair, as stretches of the row
    _made: dict[Any, Any] = field(default_factory=dict)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once for all layers that ask for it under `key`."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

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

    def belonging(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The pair of each token, (S,), or -1 where it is common; and its answer, 0 for prompts."""
        common = torch.zeros(self.pairs[0].num_common, dtype=torch.long)
        answers = [pair.answers() for pair in self.pairs]
        owners = [torch.full_like(part, number) for number, part in enumerate(answers)]
        return torch.cat([common - 1, *owners]), torch.cat([common, *answers])

    def _all_blocks(self, window: int | None) -> Iterator[Block]:
        num_common = self.pairs[0].num_common
        # What is common sees itself alone, as if it were the prompt of a pair without answers.
        common = Pair(0, 0, num_common, 0, 0)
        yield from common.blocks(self.pairs[0].num_chosen, window)
        offset = 0
        for pair in self.pairs:
            yield from pair.blocks(offset, window)
            offset += pair.end - pair.start + num_common


def lay_out(
    input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: torch.Tensor
) -> PairLayout | None:
    """Lay TRL's batch (2B, T), first the chosen then the rejected rows, out as one row.

    None when the two rows of a pair do not share a prompt, so that the batch cannot be taken.
    """
    rows = [
        (ids[seen], given[seen] != -100)
        for ids, seen, given in zip(
            input_ids.cpu(), attention_mask.bool().cpu(), labels.cpu(), strict=True
        )
    ]
    prompts: list[torch.Tensor] = []
    half = len(rows) // 2
    for (chosen, of_chosen), (rejected, of_rejected) in zip(rows[:half], rows[half:], strict=True):
        num_prompt = int((~of_chosen).sum())
        shared = chosen[:num_prompt].equal(rejected[: int((~of_rejected).sum())])
        if num_prompt == 0 or not shared or of_chosen[:num_prompt].any():
            return None
        prompts.append(chosen[:num_prompt])
    answers = [ids[is_answer] for ids, is_answer in rows]
    return _joined(prompts, answers[:half], answers[half:], input_ids.device)


def _joined(
    prompts: list[torch.Tensor],
    chosen: list[torch.Tensor],
    rejected: list[torch.Tensor],
    device: torch.device,
) -> PairLayout:
    num_common = _num_common(prompts)
    pairs: list[Pair] = []
    pieces = [prompts[0][:num_common]]
    sources: tuple[list[torch.Tensor], list[torch.Tensor]] = [], []
    for prompt, *answers in zip(prompts, chosen, rejected, strict=True):
        read = [answer[:-1] for answer in answers]
        start = pairs[-1].end if pairs else num_common
        pairs.append(Pair(start, num_common, len(prompt) - num_common, *map(len, read)))
        pieces += [read[0].flip(0), prompt[num_common:], read[1]]
        for side, answer, source in zip(sources, answers, pairs[-1].predicted_from(), strict=True):
            side.append(source[: len(answer)])  # max_length may have cut a whole answer away
    positions = [torch.arange(num_common), *(pair.positions() for pair in pairs)]
    seen = [stretch for pair in pairs for stretch in pair.seen()]
    return PairLayout(
        input_ids=torch.cat(pieces)[None].to(device),
        position_ids=torch.cat(positions)[None].to(device),
        pairs=tuple(pairs),
        predicted_from=torch.cat([*sources[0], *sources[1]]).to(device),
        targets=torch.cat([*chosen, *rejected]).to(device),
        seen=tuple(stretch for stretch in seen if stretch.stop > stretch.start),
    )


def _num_common(prompts: list[torch.Tensor]) -> int:
    """How many tokens all prompts begin with."""
    shortest = min(map(len, prompts))
    begun = torch.stack([prompt[:shortest] for prompt in prompts])
    return int((begun == begun[0]).all(dim=0).long().cumprod(dim=0).sum())
