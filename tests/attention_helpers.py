"""Attention with both rules for distances beyond the table."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from musictx.model.positions.relative import zero_beyond


def with_rule(attention: Any, beyond: str) -> Any:
    """The attention whose table has its last row ("clamp") or nothing ("zero") for distances beyond it."""

    def attend(*tensors: Tensor, table: Tensor | None, **options: Any) -> Tensor:
        whole = zero_beyond(table) if table is not None and beyond == "zero" else table
        return attention(*tensors, table=whole, **options)

    return attend
