"""The transformer: a pure function from tokens to logits.

`config` names its settings, `positions` are the ways to know the order of tokens, `attention` computes
it, `attention_blocks` without an L × L matrix, `attention_flex` on CUDA, `transformer` is the model,
`sizes` matches models in parameters.
"""

from musictx.model.config import ModelConfig
from musictx.model.positions import SCHEMES
from musictx.model.sizes import SIZES, sized_config
from musictx.model.transformer import MusicTransformer

__all__ = ["SCHEMES", "SIZES", "ModelConfig", "MusicTransformer", "sized_config"]
