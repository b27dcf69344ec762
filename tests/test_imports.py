"""A training job imports Stormlog cheaply, packages depend on each other in one direction, and the
lists of late names are complete."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from stormlog.engine.index.json_files import WITHOUT_RULES

PACKAGE = Path(__file__).resolve().parents[1] / "stormlog"
HEAVY = (
    "anyio",
    "click",
    "duckdb",
    "mcp",
    "numpy",
    "pandas",
    "pyarrow",
    "pydantic",
    "rich",
    "scipy",
    "sqlglot",
    "textual",
    "torch",
)
LATE_PACKAGES = (
    "stormlog.telemetry",
    "stormlog.issues",
    "stormlog.phases",
    "stormlog.artifacts",
    "stormlog.capture",
    "stormlog.capture.sink",
    "stormlog.compaction",
    "stormlog.configuration",
    "stormlog.engine",
    "stormlog.explaining",
    "stormlog.exporting",
    "stormlog.presenting",
    "stormlog.query",
    "stormlog.query.remembered",
    "stormlog.reporting",
    "stormlog.rollups",
    "stormlog.specification",
    "stormlog.tracking",
    "stormlog.tracking.digest",
    "stormlog.tracking.gate",
    "stormlog.workflows",
)
#: What a training job imports, where nothing but the standard library may be there.
WITHOUT_DEPENDENCIES = (
    "stormlog.telemetry",
    "stormlog.issues",
    "stormlog.phases",
    "stormlog.capture",
    "stormlog.capture.sink",
    "stormlog.cpu_profiler",
    "stormlog.tracker",
)

#: Modules that other packages import names from which are not among the names of a package: what two packages of
#: Stormlog share, and users are not promised.
SHARED_MODULES = {
    "stormlog.apps": {"cli"},
    "stormlog.artifacts": {
        *(
            "attachment_rows",
            "catalog_rows",
            "event_files",
            "file_state",
            "files",
            "manifests",
            "models",
            "names",
        ),
        *("rollups", "sinks", "snapshot", "walk"),
    },
    # The tracker by the names of stormlog 0.4.3 refuses the devices that it refuses, when it is made.
    "stormlog.capture": {"collectors.choosing", "sink.claims"},
    "stormlog.issues": {
        "documents",
        "gaps",
        "kinds",
        "models",
        "oom_messages",
        "samples",
        "sidecar",
        "state",
        "timestamps",
        "what",
    },
    "stormlog.explaining": {"plain_fields", "times"},
    "stormlog.presenting": {
        *(
            "issue_rows",
            "issue_sentences",
            "markup",
            "plots",
            "quantities",
            "statement_texts",
            "svg_memory",
            "svg_sparks",
            "svg_style",
            "texts",
            "why_headline",
        ),
        *("why_ranks", "why_sentences"),
    },
    "stormlog.query": {
        *(
            "completion",
            "deadlines",
            "filter_checks",
            "filter_words",
            "filters",
            "parameters",
            "result_files",
        ),
        *("schema", "streams"),
    },
    "stormlog.telemetry": {"csv_rows", "foreign", "loading", "projection", "schema", "sink"},
    "stormlog.tracking": {
        # `scan` and `watch` are modules too, so no package can have names like these.
        *("scanning.options", "scanning.scan", "scanning.watch"),
        *(
            "database.documents",
            "database.maintenance",
            "digest.rendering",
            "repository",
            "sidecar_exchange",
            "statuses",
        ),
    },
}

# The floors of the package, the lowest first: a part imports what is on floors below it, and nothing else.
FLOORS = (
    {"_short_repr"},
    {
        "errors",
        "_collector",
        "_former_names",
        "_lazy",
        "_markdown",
        "_names",
        "_opening",
        "_paths",
        "_notebooks",
        "_digests",
        "_printable_text",
        "_progress",
        "_readable_times",
        "_sizes",
        "_storable_text",
        "_times",
        "_values",
        "_webhook_addresses",
    },
    {"_new_files", "_resources", "_sqlite", "__init__"},
    {"utils"},
    {"telemetry"},
    {"phases"},
    {"issues"},
    {"artifacts", "capture"},
    # By the names of stormlog 0.4.3.
    {"device_collectors", "oom_flight_recorder", "session", "telemetry_model", "telemetry_sink"},
    {"_tracked_events"},
    {"tracker"},
    {"cpu_profiler"},
    {"engine"},
    {"explaining", "exporting"},
    {"query"},
    {"presenting"},
    {"reporting"},
    {"compaction", "rollups"},
    {"tracking"},
    {"configuration"},
    {"workflows"},
    {"specification"},
    {"apps"},
    {"__main__"},
)
FLOOR_OF = {part: number for number, floor in enumerate(FLOORS) for part in floor}


def run_python(code: str) -> str:
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def modules_loaded_by(code: str) -> set[str]:
    printed = run_python(f"{code}\nimport sys\nprint(' '.join(sys.modules))")
    return set(printed.split())


def part_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


@cache
def import_statements(path: Path) -> list[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]


def imports_of(path: Path) -> set[str]:
    found = set()
    for node in import_statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found.add(node.module or "")
            if node.module == "stormlog":
                found |= {f"stormlog.{alias.name}" for alias in node.names if alias.name in FLOOR_OF}
    return {name for name in found if name.split(".")[0] == "stormlog"}


MODULES = sorted(PACKAGE.rglob("*.py"))


@cache
def asked_for() -> set[tuple[str, str, str]]:
    """Return (file, module, name) of what files import from modules of other packages."""
    return {
        (str(path.relative_to(PACKAGE)), node.module, alias.name)
        for path in MODULES
        for node in import_statements(path)
        if isinstance(node, ast.ImportFrom)
        and node.module is not None
        and node.module.count(".") > 0
        and node.module.startswith("stormlog.")
        and part_of(node.module) != path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for alias in node.names
    }


#: The rooms of two packages, the lowest first. Modules beside the rooms are named with theirs.
ROOMS = {
    "engine": (
        {"database"},
        {"reading", "analysis", "tracked"},
        {"index", "view_needs.py"},
        {"cursors"},
        {"own_tables"},
        {"engine.py"},
        {"selective.py"},
        {"questions.py"},
        {"engines.py"},
    ),
    "tracking": (
        {"documents.py"},
        {
            "actors.py",
            "checks.py",
            "clocks.py",
            "models.py",
            "statuses.py",
            "webhook_settings.py",
        },
        {"database"},
        {"projects.py", "session.py"},
        {"repository.py"},
        {"versions.py"},
        {"reading"},
        {"recording"},
        {"triage"},
        {"scanning", "sidecar_exchange.py"},
        {"digest", "gate"},
        {"tracker.py"},
    ),
}


@pytest.mark.parametrize("module", ["stormlog", *WITHOUT_DEPENDENCIES, "stormlog.artifacts"])
def test_importing_needs_only_the_standard_library(module: str) -> None:
    loaded = {name.split(".")[0] for name in modules_loaded_by(f"import {module}")}
    assert not loaded & set(HEAVY)
    assert loaded - sys.stdlib_module_names <= {"stormlog", "__main__", "sitecustomize", "usercustomize"} | {
        name for name in modules_loaded_by("pass") if "." not in name
    }


@pytest.mark.parametrize("module", WITHOUT_DEPENDENCIES)
def test_using_every_name_needs_only_the_standard_library(module: str) -> None:
    assert not modules_loaded_by(f"from {module} import *") & set(HEAVY)


@pytest.mark.parametrize("module", LATE_PACKAGES)
def test_importing_a_package_imports_none_of_its_modules(module: str) -> None:
    loaded = modules_loaded_by(f"import {module}")
    assert not {name for name in loaded if name.startswith(f"{module}.")}


def test_reading_a_sink_manifest_leaves_out_what_only_writers_need() -> None:
    loaded = modules_loaded_by("import stormlog.telemetry.sink")
    assert not loaded & {"uuid", "hashlib", "csv", "socket", "tempfile"}
    assert "stormlog.telemetry.events" not in loaded


@pytest.mark.parametrize("module", LATE_PACKAGES)
def test_names_of_a_package_are_those_that_type_checkers_see(module: str) -> None:
    package = importlib.import_module(module)
    stub = Path(str(package.__file__)).with_suffix(".pyi")
    module_of = {}
    for node in ast.parse(stub.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.ImportFrom)
        for alias in node.names:
            # Type checkers take other imports of a stub for its own.
            assert alias.asname == alias.name not in module_of
            module_of[alias.name] = str(node.module)
    assert sorted(module_of) == package.__all__
    assert set(package.__all__) <= set(dir(package))
    for name, place in module_of.items():
        assert getattr(package, name) is getattr(importlib.import_module(place), name)


def test_lists_of_names_belong_to_packages_with_late_names() -> None:
    stubs = {
        str(path.parent.relative_to(PACKAGE.parent)).replace("/", ".") for path in PACKAGE.rglob("*.pyi")
    }
    assert stubs == set(LATE_PACKAGES)


def test_threads_that_ask_at_once_get_their_names() -> None:
    printed = run_python(
        """
import sys, threading
sys.setswitchinterval(1e-6)
missing = []
def ask(package, barrier):
    barrier.wait()
    for name in ("TelemetryEventV4", "now_ns", "validate_telemetry_record"):
        try:
            getattr(package, name)
        except AttributeError as error:
            missing.append(str(error))
for _ in range(50):
    for name in [name for name in sys.modules if name == "stormlog.telemetry"]:
        del sys.modules[name]
    import stormlog.telemetry as package
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=ask, args=(package, barrier)) for _ in range(4)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
print(missing)
"""
    )
    assert printed == "[]"


@pytest.mark.parametrize("module", LATE_PACKAGES)
def test_unknown_name_is_an_attribute_error_that_names_it(module: str) -> None:
    package = importlib.import_module(module)
    with pytest.raises(AttributeError, match=f"module '{module}' has no attribute 'no_such_name'"):
        _ = package.no_such_name
    with pytest.raises(ImportError):
        exec(f"from {module} import no_such_name")


def test_capture_is_built_on_telemetry_and_phases_alone() -> None:
    used = {part_of(name) for path in (PACKAGE / "capture").rglob("*.py") for name in imports_of(path)}
    assert {part for part in used if FLOOR_OF[part] > 1} <= {"capture", "phases", "telemetry"}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_point_one_way(path: Path) -> None:
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    used = {part_of(name) for name in imports_of(path)} - {part}
    above = sorted(name for name in used if FLOOR_OF[name] >= FLOOR_OF[part])
    assert not above, f"{part} must not import {above}"


def test_what_is_no_part_of_the_engine_answers_no_question() -> None:
    """Kept answers stay good when these packages change."""
    answering = {"query"}
    used: set[str] = set()
    while answering - used:
        part = (answering - used).pop()
        used.add(part)
        for path in (PACKAGE / part).rglob("*.py"):
            answering |= {part_of(name) for name in imports_of(path)}
    assert not used & WITHOUT_RULES
    assert {path.parent.name for path in PACKAGE.glob("*/__init__.py")} >= WITHOUT_RULES


def public_names(package: str) -> list[str]:
    return importlib.import_module(package).__all__ if package in LATE_PACKAGES else []  # type: ignore[no-any-return]


def test_packages_are_imported_by_their_public_names() -> None:
    """Names that are not public come from the modules of one list."""
    for path, module, name in sorted(asked_for()):
        package, _, inner = module.removeprefix("stormlog.").partition(".")
        if not inner and f"stormlog.{package}" not in LATE_PACKAGES:
            # A single module, as `stormlog.errors`.
            continue
        if module in LATE_PACKAGES:
            assert name == "*" or name in public_names(module), (
                f"{path}: {name} is no public name of {module}"
            )
            continue
        assert inner in SHARED_MODULES.get(f"stormlog.{package}", ()), f"{path}: {name} of {module}"
        parents = [parent for parent in LATE_PACKAGES if module.startswith(f"{parent}.")]
        offered = [parent for parent in parents if name in public_names(parent)]
        assert not offered, f"{path}: import {name} from {offered}, not from {module}"


def test_shared_modules_are_shared() -> None:
    used = {module for _, module, _ in asked_for()}
    assert {f"{package}.{inner}" for package, modules in SHARED_MODULES.items() for inner in modules} <= used


@pytest.mark.parametrize("package", ROOMS)
def test_rooms_of_a_package_point_one_way(package: str) -> None:
    level_of = {room: number for number, rooms in enumerate(ROOMS[package]) for room in rooms}
    for path in sorted((PACKAGE / package).rglob("*.py")):
        room = path.relative_to(PACKAGE / package).parts[0]
        if room == "__init__.py":
            continue
        for name in imports_of(path):
            parts = name.split(".")
            if parts[1:2] != [package] or len(parts) < 3:
                continue
            used = parts[2] if parts[2] in level_of else f"{parts[2]}.py"
            assert used == room or level_of[used] < level_of[room], f"{path}: {name}"


def test_only_the_engine_compaction_and_exports_use_duckdb() -> None:
    """The page of the installation says which version there is."""
    using = {
        path.relative_to(PACKAGE).parts[0]
        for path in MODULES
        if path != PACKAGE / "apps" / "cli" / "commands" / "environment.py"
        and re.search(r"^\s*(?:import duckdb|from duckdb)\b", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert using <= {"engine", "compaction", "exporting"}


def test_front_ends_ask_the_library() -> None:
    """They see no table being filled, no file being looked for, and nothing of one another.

    A command of the command line may start another front end.
    """
    for path in sorted((PACKAGE / "apps").rglob("*.py")):
        own = path.relative_to(PACKAGE / "apps").parts[0]
        for name in imports_of(path):
            parts = name.split(".")
            assert parts[1:2] not in (["engine"], ["artifacts"]), f"{path}: {name}"
            started = [path.stem] if path.parent.name == "commands" else []
            assert parts[1:2] != ["apps"] or parts[2:3] in ([], [own], started), f"{path}: {name}"


def test_only_front_ends_and_workflows_use_the_whole_tracker() -> None:
    for path in sorted((PACKAGE / "tracking").rglob("*.py")):
        assert "stormlog.tracking.tracker" not in imports_of(path) or path.name == "__init__.py", path
