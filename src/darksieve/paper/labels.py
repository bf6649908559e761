"""Labels of parameters, which are LaTeX, in the mathematics of typst."""

from __future__ import annotations

import re

__all__ = ["typst_label", "typst_number"]

COMMANDS = {"odot": "dot.o", ",": " thin "}  # others have one name in both


def typst_label(label: str, name: str) -> str:
    """The label of a parameter as typst markup; its name in words where it has none."""
    if not label:
        return name.replace("_", " ")
    text = re.sub(r"\^\{([^{}]*)\}", r"^(\1)", label)
    text = re.sub(r"\\mathrm(?:\{([^{}]*)\}|(\w))", _upright, text)
    text = re.sub(r"\\(,|[A-Za-z]+)", lambda found: f" {COMMANDS.get(found[1], found[1])} ", text)
    text = re.sub(r"\^([+-])", r"^(\1)", text).replace("{", "(").replace("}", ")").replace("/", " \\/ ")
    text = re.sub(r"\s+(?=[_^])", "", text)
    return f"${' '.join(text.split())}$"


def typst_number(value: float, form: str) -> str:
    """A number as typst markup: `form` is a format of Python, or `power` for a power of ten."""
    from math import log10

    if form == "power":
        return f"$10^({log10(value):.3g})$"
    text = f"{value:{form}}".replace(",", " thin ")
    if "e" in text:
        digits, exponent = text.split("e")
        text = f"{digits} times 10^({int(exponent)})"
    return f"${text}$"


def _upright(found: re.Match[str]) -> str:
    r"""Upright letters, where `\odot` is a sign, `\,` a space and `^(...)` an exponent."""
    words = re.split(r"(\\odot|\\,|\^\([^()]*\))", found[1] or found[2])
    return "".join(word if word[:1] in ("\\", "^") else f' upright("{word}")' for word in words if word)
