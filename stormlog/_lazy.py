"""Imports the names of a package when they are first asked for.

The promise: importing a package costs nothing but its own ``__init__``, and a name costs only the
module that holds it. A command that shows two hundred rows should not pay for every class there is.
"""

from __future__ import annotations

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["lazy_names"]


def lazy_names(
    package: str, namespace: dict[str, object], modules: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the module functions ``__getattr__`` and ``__dir__`` of a package with late names.

    Args:
        package: The package's ``__name__``.
        namespace: The package's ``globals()``; a name found is kept there, so it is looked up once.
        modules: For each submodule, the public names it holds.

    Both callables follow PEP 562: the first raises AttributeError for a name that is not listed.
    """
    module_of = {name: module for module, names in modules.items() for name in names}

    def getattr_late(name: str) -> object:
        module_name = module_of.get(name)
        if module_name is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        from importlib import import_module

        value: object = getattr(import_module(f"{package}.{module_name}"), name)
        namespace[name] = value
        return value

    def dir_all() -> list[str]:
        return sorted({*namespace, *module_of})

    return getattr_late, dir_all
