"""Pages that open anywhere: one HTML file each, with its style and images in it, which loads nothing."""

from __future__ import annotations

import base64
from typing import Any

from jinja2 import Environment, PackageLoader

__all__ = ["embedded", "render"]


def embedded(png: bytes) -> str:
    """A PNG image as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def render(template: str, **values: Any) -> str:
    """Fill in a template of this package; text is escaped."""
    loader = PackageLoader("darksieve.publication", "")
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(**values)
