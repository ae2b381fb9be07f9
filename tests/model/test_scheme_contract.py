"""Every position scheme keeps the promises of all."""

from __future__ import annotations

import pytest
from scheme_contract import CONTRACT

from musictx.model.positions import SCHEMES


@pytest.mark.parametrize("promise", CONTRACT)
@pytest.mark.parametrize("position", SCHEMES)
def test_every_scheme_keeps_the_promises_of_all(position: str, promise: str) -> None:
    CONTRACT[promise](position)
