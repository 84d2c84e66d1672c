"""Models as transformers makes them, whatever was fused before in the same process."""

import sys

import pytest

from trainer.kernels import fused_layers
from trainer.private.transformers import usual_rotation


@pytest.fixture(autouse=True)
def _usual_rotations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rotary positions are replaced for the whole process: each test begins without that."""
    for name, module in list(sys.modules.items()):
        if name.startswith("transformers.models.") and hasattr(module, "apply_rotary_pos_emb"):
            own = module.apply_rotary_pos_emb
            own = usual_rotation if own is fused_layers._rotated else own
            monkeypatch.setattr(module, "apply_rotary_pos_emb", own)
