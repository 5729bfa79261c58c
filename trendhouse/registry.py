"""Registries: every module of a package holds one instance of something, under one name; a new one joins with a file of its own."""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Any


def members_of(package: ModuleType, instance_name: str) -> dict[str, Any]:
    """The instances by their `algorithm`, in alphabetical order. Raises ValueError when two files claim one algorithm."""
    found: dict[str, Any] = {}
    for module in sorted(iter_modules(package.__path__), key=lambda module: module.name):
        member = getattr(import_module(f"{package.__name__}.{module.name}"), instance_name)
        if member.algorithm in found:
            raise ValueError(f"Two files in {package.__name__} are named {member.algorithm}.")
        found[member.algorithm] = member
    return dict(sorted(found.items()))
