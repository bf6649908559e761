"""Simulation-based inference for dark matter and dark energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from darksieve.inference.posterior import load_posterior

__all__ = ["__version__", "load_posterior"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what is used when it is used."""
    if name == "load_posterior":
        from darksieve.inference.posterior import load_posterior

        return load_posterior
    raise AttributeError(f"module 'darksieve' has no attribute {name!r}")
