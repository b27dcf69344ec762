"""Imports the names of a package when they are first asked for.

The promise: importing a package costs nothing but its own ``__init__``, and a name costs only the
module that holds it. A command that shows two hundred rows should not pay for every class there is.

The public names stand in one list, ``__init__.pyi`` beside ``__init__.py``: type checkers read it, and so does this
module, when a name is first asked for.
"""

from __future__ import annotations

# Type checkers take this name for true; importing it from typing would cost more than all the rest.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["lazy_names"]


def lazy_names(namespace: dict[str, object]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the module functions ``__getattr__`` and ``__dir__`` of a package with late names.

    Args:
        namespace: The package's ``globals()``; a name found is kept there, so it is looked up once. The list is a
            file of statements ``from module import name as name, ...``.

    Both callables follow PEP 562: the first raises AttributeError for a name that is not listed. It gives
    ``__all__`` too.
    """
    module_of: dict[str, str] = {}

    def read_list() -> None:
        stub = str(namespace["__file__"]).removesuffix(".pyc").removesuffix(".py") + ".pyi"
        with open(stub, encoding="utf-8") as file:
            _, *statements = file.read().split("\nfrom ")
        found = {}
        for statement in statements:
            module, _, names = statement.partition(" import ")
            for name in names.replace("(", "").replace(")", "").split(","):
                if name.strip():
                    found[name.split(" as ")[0].strip()] = module
        # At once: another thread may be asking for a name.
        module_of.update(found)

    def getattr_late(name: str) -> object:
        # Python asks for many a name with underscores, __path__ of modules for example.
        if not module_of and (not name.startswith("_") or name == "__all__"):
            read_list()
        value: object
        if name == "__all__":
            value = sorted(module_of)
        elif name in module_of:
            from importlib import import_module

            value = getattr(import_module(module_of[name]), name)
        else:
            raise AttributeError(f"module {namespace['__name__']!r} has no attribute {name!r}")
        namespace[name] = value
        return value

    def dir_all() -> list[str]:
        read_list()
        return sorted({*namespace, *module_of, "__all__"})

    return getattr_late, dir_all
