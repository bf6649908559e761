"""Config of the analyses in which networks are theories and theories are learned by networks."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from darksieve.problem.section import Section

__all__ = ["WideNetworksConfig"]


class WideNetworksConfig(Section):
    """The analysis `wide_networks`."""

    widths: list[Annotated[int, Field(ge=2, le=4096)]] = Field(
        [4, 8, 16, 32, 64, 128, 256], min_length=3, description="widths of the networks with one hidden layer"
    )
    networks: int = Field(200000, ge=1000, description="networks of each width")
    deep_networks: int = Field(400000, ge=1000, description="networks of each depth")
    seed: int = Field(1, ge=0, description="seed of the analysis")
