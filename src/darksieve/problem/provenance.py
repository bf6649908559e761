"""Digests of values, files and code: what decides whether a result may be reused.

A step's code digest covers the module it starts from and every darksieve module reachable through imports,
read as syntax trees without docstrings: an edit reruns just the steps that use it, a comment reruns none.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path

__all__ = ["code_digest", "derive_seed", "digest", "file_digest", "imported_modules"]

PACKAGE = "darksieve"
DIGEST_LENGTH = 16


def digest(value: object) -> str:
    """Hexadecimal digest of a value made of JSON types, independent of the order of mapping keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]


def derive_seed(*parts: object) -> int:
    """A 63-bit seed that depends on every part (numbers and strings) and nothing else."""
    text = json.dumps([str(part) for part in parts])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def file_digest(path: Path) -> str:
    """Hexadecimal sha256 of a file's bytes."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@cache
def code_digest(*modules: str) -> str:
    """Digest of the named darksieve modules and of all darksieve modules they import, at any depth."""
    return digest({name: _syntax_digest(name, path) for name, path in sorted(imported_modules(*modules).items())})


def imported_modules(*modules: str) -> dict[str, Path]:
    """The named darksieve modules and those they import, at any depth, with their source files."""
    found: dict[str, Path] = {}
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        path = None if name in found else _source(name)
        if path is not None:
            found[name] = path
            waiting.extend(_imports(name, path))
    return found


@cache
def _source(module: str) -> Path | None:
    """Source file of a darksieve module, found without importing it; None for anything else."""
    parts = module.split(".")
    if parts[0] != PACKAGE:
        return None
    root = importlib.util.find_spec(PACKAGE)
    if root is None or root.origin is None:
        return None
    folder = Path(root.origin).parent.joinpath(*parts[1:])
    for candidate in (folder.with_suffix(".py"), folder / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


def _imports(module: str, path: Path) -> tuple[str, ...]:
    """Absolute names of what a module imports, including imports inside functions."""
    return _read(module, path, path.stat().st_mtime_ns)[0]


def _syntax_digest(module: str, path: Path) -> str:
    """Digest of a module's syntax tree without docstrings and positions."""
    return _read(module, path, path.stat().st_mtime_ns)[1]


@cache
def _read(module: str, path: Path, modified: int) -> tuple[tuple[str, ...], str]:
    """What a module imports, and the digest of its syntax tree; parsed once as long as the file stays the same."""
    tree = ast.parse(path.read_text())
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    imports: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imports.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            imports.extend([base, *(f"{base}.{alias.name}" for alias in node.names)])
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            node.body = node.body[1:] or [ast.Pass()]
    return tuple(imports), hashlib.sha256(ast.dump(tree).encode()).hexdigest()
