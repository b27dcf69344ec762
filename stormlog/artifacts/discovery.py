"""Finds what lies under the paths a caller opens.

The promise: a source is found once however it is spelled, nothing but manifests, metadata, sidecars
and envelopes is opened, and one bad thing never hides the others.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stormlog._opening import OpenedPaths, describe_special
from stormlog.artifacts.attachments import parse_sidecar
from stormlog.artifacts.bundles import diagnose_source, oom_bundle
from stormlog.artifacts.files import WarningLog, join_path, read_json_object, read_optional_object
from stormlog.artifacts.manifests import (
    describes_diagnose_bundle,
    describes_oom_bundle,
    describes_sink,
)
from stormlog.artifacts.models import CatalogOOMBundle, CatalogSource, ExternalAttachment
from stormlog.artifacts.names import (
    ENVELOPE_NAME,
    ISSUES_NAME,
    MANIFEST_NAME,
    READ_IN_DIRECTORIES,
    READ_WHEN_NAMED,
    SIDECAR_NAME,
    flat_kind,
    is_candidate,
    path_order,
)
from stormlog.artifacts.sinks import sink_source, warn_of_loose_parquet, warn_of_missing
from stormlog.artifacts.walk import DirectoryListing, scan_directory, walk_below
from stormlog.telemetry import TelemetrySinkManifest, sink_manifest_from_payload

if TYPE_CHECKING:
    from stormlog.artifacts.envelopes import CatalogRunEnvelope

__all__ = ["Discovery", "opened_paths"]


def opened_paths(paths: Iterable[str]) -> OpenedPaths:
    """Return what may be read when some paths are opened: a manifest stands for its directory."""
    found = []
    for path in paths:
        try:
            found.append(os.path.realpath(path))
            if os.path.basename(path) == MANIFEST_NAME:
                found.append(os.path.realpath(os.path.dirname(path)))
        except (OSError, ValueError):
            # It is not a possible path, or its links go in circles; discovery says so.
            continue
    return OpenedPaths(found)


class Discovery:
    """Collects what is found; call ``add`` once per argument, in order.

    Args:
        opened: Everything that is opened: links may lead there.

    Source: docs/concepts.md#catalog.
    """

    def __init__(self, opened: OpenedPaths) -> None:
        self.opened = opened
        self.log = WarningLog()
        self.sources: list[CatalogSource] = []
        self.oom_bundles: list[CatalogOOMBundle] = []
        self.attachments: list[ExternalAttachment] = []
        #: Paths of the files that may say what became of issues; those who list issues read them.
        self.issue_sidecars: list[str] = []
        self._envelopes: dict[str, CatalogRunEnvelope | None] = {}
        self._envelope_paths: dict[str, str] = {}
        self._source_keys: set[tuple[str, str]] = set()
        self._bundle_directories: set[str] = set()
        self._described_files: set[str] = set()
        self._segments: dict[str, set[str]] = {}
        self._manifests: dict[str, dict[str, Any] | None] = {}
        self._real_directories: dict[str, str] = {}
        self._ledgers: dict[str, TelemetrySinkManifest | None] = {}
        # Whether the argument at hand holds anything that is read, found before or not.
        self._holds_something = False

    @property
    def run_envelopes(self) -> list[CatalogRunEnvelope]:
        """Return the accepted envelopes in discovery order."""
        return [envelope for envelope in self._envelopes.values() if envelope is not None]

    def add(self, path: str) -> None:
        """Add what one argument names.

        Args:
            path: A file or directory, relative or absolute. If it holds nothing that is read, a warning says so.
        """
        self._holds_something, told_count = False, self.log.told_count
        self._add(path)
        if not self._holds_something and self.log.told_count == told_count:
            self.log.add(path, "no_telemetry", f"holds no telemetry; read are {READ_IN_DIRECTORIES}")

    def _add(self, path: str) -> None:
        try:
            mode = os.stat(path).st_mode
        except ValueError:
            self.log.add(path, "path_missing", "is not a possible path")
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                self.log.add(path, "path_missing", "does not exist")
            elif error.errno == errno.ELOOP:
                name = os.path.basename(path)
                self.log.add(path, f"symlink_loop:{name}", "is a link that leads back to itself")
            else:
                self.log.add_unreadable(path, error)
        else:
            if stat.S_ISDIR(mode):
                self._add_directory(path)
            elif stat.S_ISREG(mode):
                self._add_file(path)
            else:
                self.log.add(path, "path_special", f"is {describe_special(mode)}; it was not read")

    # Directories

    def _add_directory(self, path: str) -> None:
        real = os.path.realpath(path)
        top = scan_directory(path, real, real, self.opened, self.log)
        if top is None:
            return
        for name, describe in ((ENVELOPE_NAME, self._add_envelope), (SIDECAR_NAME, self._add_sidecar)):
            if name in top:
                describe(top.spelled(name), top.resolved(name))
        if not top.refuses(ISSUES_NAME, self.log) and ISSUES_NAME in top:
            self._add_issue_sidecar(top.spelled(ISSUES_NAME), top.resolved(ISSUES_NAME))
        manifest = self._read_manifest(top)
        if manifest is not None:
            if describes_oom_bundle(manifest):
                self._add_oom_bundle(top, manifest)
                return
            if describes_diagnose_bundle(manifest):
                self._add_diagnose_bundle(top, manifest)
            if describes_sink(manifest):
                self._add_sink(top, manifest)
        self._add_below(walk_below(top, self.opened, self.log))

    def _add_below(self, listings: list[DirectoryListing]) -> None:
        for listing in _holding(MANIFEST_NAME, listings[1:]):
            manifest = self._read_manifest(listing)
            if manifest is not None:
                self._add_product(listing, manifest)
        for listing in _holding(SIDECAR_NAME, listings):
            self._add_sidecar(listing.spelled(SIDECAR_NAME), listing.resolved(SIDECAR_NAME))
        for listing in _holding(ENVELOPE_NAME, listings):
            self._add_envelope(listing.spelled(ENVELOPE_NAME), listing.resolved(ENVELOPE_NAME))
        candidates: list[tuple[str, str, DirectoryListing]] = []
        for listing in listings:
            owned = self._segments.get(listing.real) or set()
            candidates.extend(
                (path_order(listing.spelled(name)), name, listing)
                for name in (listing.files | listing.links.keys()) - owned
                if is_candidate(name)
            )
            warn_of_loose_parquet(listing, owned, self.log)
        self._holds_something = self._holds_something or bool(candidates)
        is_in_bundle = self._bundle_test()
        for _, name, listing in sorted(candidates, key=lambda item: item[0]):
            directory, basename = os.path.split(listing.resolved(name))
            if is_in_bundle(listing.real) or is_in_bundle(directory):
                continue
            if basename not in self._segments.get(directory, ()):
                self._add_flat(listing.spelled(name), join_path(directory, basename), listing)

    def _bundle_test(self) -> Callable[[str], bool]:
        known: dict[str, bool] = dict.fromkeys(self._bundle_directories, True)

        def is_in_bundle(directory: str) -> bool:
            asked = []
            while directory not in known:
                asked.append(directory)
                parent = os.path.dirname(directory)
                if parent == directory:
                    known[directory] = False
                directory = parent
            known.update(dict.fromkeys(asked, known[directory]))
            return known[directory]

        return is_in_bundle

    def _read_manifest(self, listing: DirectoryListing) -> dict[str, Any] | None:
        if MANIFEST_NAME not in listing:
            return None
        if listing.real not in self._manifests:
            path = listing.spelled(MANIFEST_NAME)
            self._manifests[listing.real] = self._read_manifest_file(path, self.opened)
        return self._manifests[listing.real]

    def _read_manifest_file(self, path: str, opened: OpenedPaths) -> dict[str, Any] | None:
        """Return the object that a manifest holds; a damaged one is logged, as a whole bundle may be missing for it."""
        try:
            payload = read_json_object(path, opened)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self.log.add_unreadable(path, error)
            return None
        if payload is None:
            self.log.add(
                path,
                "manifest_not_object",
                "does not hold a JSON object; *.jsonl beside it are read one by one, and a bundle is not listed",
            )
        return payload

    # Files

    def _add_file(self, path: str) -> None:
        directory, name = os.path.split(path)
        if directory not in self._real_directories:
            beside = os.path.join(directory, ISSUES_NAME)
            if os.path.lexists(beside):
                self._add_issue_sidecar(beside, self._resolve(beside))
        if name == ISSUES_NAME:
            # Late: hardly anybody opens one, and everybody would wait for the import.
            from stormlog.issues.sidecar import describes_sidecar

            if describes_sidecar(read_optional_object(path, self.log, self.opened)):
                self._holds_something = True
                return
        if name == ENVELOPE_NAME:
            self._add_envelope(path, self._resolve(path))
        elif name == SIDECAR_NAME:
            self._add_sidecar(path, self._resolve(path))
        elif name == MANIFEST_NAME:
            self._add_manifest_file(path)
        elif name.lower().endswith(".parquet"):
            self.log.add(
                path,
                f"parquet_outside_sink:{name}",
                "is read only as a segment of a sink; open the directory of the sink instead",
            )
        else:
            self._add_flat(path, self._resolve(path), None)

    def _add_manifest_file(self, path: str) -> None:
        manifest = self._read_described(path, "manifest_not_object")
        if manifest is None:
            return
        directory = str(Path(path).parent)
        real = os.path.realpath(directory)
        listing = scan_directory(directory, real, real, self.opened, self.log)
        if listing is not None and not self._add_product(listing, manifest):
            self.log.add(path, "manifest_unrecognised", "is not the manifest of a sink or a bundle")

    def _read_described(self, path: str, code: str) -> dict[str, Any] | None:
        try:
            payload = read_json_object(path, self.opened)
        except OSError as error:
            self.log.add_unreadable(path, error)
            return None
        if payload is None:
            self.log.add(path, code, "does not hold a JSON object")
        return payload

    # Products

    def _add_product(self, listing: DirectoryListing, manifest: Mapping[str, Any]) -> bool:
        """Add what a manifest describes first and foremost; say whether it describes anything."""
        if describes_oom_bundle(manifest):
            self._add_oom_bundle(listing, manifest)
        elif describes_diagnose_bundle(manifest):
            self._add_diagnose_bundle(listing, manifest)
        elif describes_sink(manifest):
            self._add_sink(listing, manifest)
        else:
            return False
        return True

    def _add_oom_bundle(self, listing: DirectoryListing, manifest: Mapping[str, Any]) -> None:
        self._holds_something = True
        if listing.real not in self._bundle_directories:
            self._bundle_directories.add(listing.real)
            self.oom_bundles.append(oom_bundle(listing, manifest, self.opened, self.log))

    def _add_diagnose_bundle(self, listing: DirectoryListing, manifest: Mapping[str, Any]) -> None:
        if self._is_new(listing.real, "diagnose_bundle"):
            self.sources.append(diagnose_source(listing, manifest))

    def _add_sink(self, listing: DirectoryListing, manifest: Mapping[str, Any]) -> None:
        ledger = sink_manifest_from_payload(manifest)
        if ledger is None or not self._is_new(listing.real, "sink"):
            return
        source, owned = sink_source(listing, ledger, self.log)
        path = listing.spelled(MANIFEST_NAME)
        warn_of_missing(
            listing,
            ledger,
            owned,
            lambda: sink_manifest_from_payload(self._read_manifest_file(path, self.opened)),
            self.log,
        )
        self.sources.append(source)
        self._segments.setdefault(listing.real, set()).update(owned)
        for name in owned & listing.links.keys():
            directory, basename = os.path.split(listing.links[name])
            self._segments.setdefault(directory, set()).add(basename)

    def _add_flat(self, path: str, real: str, listing: DirectoryListing | None) -> None:
        name = os.path.basename(path)
        kind = flat_kind(name)
        if kind is None:
            message = (
                f"is not read, for its name does not end with {READ_WHEN_NAMED}; rename it if it is telemetry"
            )
            self.log.add(path, f"unknown_suffix:{name}", message)
            return
        if not self._is_new(real, kind):
            return
        file = Path(path)
        ledger = self._sibling_ledger(path, listing) if kind == "telemetry_jsonl" else None
        self.sources.append(CatalogSource(file, kind, event_paths=(file,), manifest=ledger))

    def _sibling_ledger(self, path: str, listing: DirectoryListing | None) -> TelemetrySinkManifest | None:
        # Line files opened one by one keep the sessions that the ledger beside them describes.
        directory = os.path.dirname(path)
        real = self._resolve_directory(directory) if listing is None else listing.real
        if real not in self._ledgers:
            if listing is None:
                beside = os.path.join(directory, MANIFEST_NAME)
                manifest = self._read_manifest_file(beside, OpenedPaths([real]))
            else:
                manifest = self._read_manifest(listing)
            is_sink = manifest is not None and describes_sink(manifest)
            self._ledgers[real] = sink_manifest_from_payload(manifest) if is_sink else None
        return self._ledgers[real]

    def _resolve(self, path: str) -> str:
        if os.path.islink(path):
            return os.path.realpath(path)
        directory, name = os.path.split(path)
        return join_path(self._resolve_directory(directory), name)

    def _resolve_directory(self, directory: str) -> str:
        # A shell pattern names thousands of files of one directory.
        real = self._real_directories.get(directory)
        if real is None:
            real = self._real_directories[directory] = os.path.realpath(directory)
        return real

    def _is_new(self, real: str, kind: str) -> bool:
        self._holds_something = True
        key = (real, kind)
        if key in self._source_keys:
            return False
        self._source_keys.add(key)
        return True

    # Descriptions

    def _add_issue_sidecar(self, path: str, real: str) -> None:
        if real not in self._described_files:
            self._described_files.add(real)
            self.issue_sidecars.append(path)

    def _add_sidecar(self, path: str, real: str) -> None:
        self._holds_something = True
        if real in self._described_files:
            return
        self._described_files.add(real)
        payload = self._read_described(path, "sidecar_not_object")
        if payload is not None:
            self.attachments.extend(parse_sidecar(payload, path, str(Path(path).parent), self.log))

    def _add_envelope(self, path: str, real: str) -> None:
        self._holds_something = True
        if real in self._described_files:
            return
        self._described_files.add(real)
        payload = self._read_described(path, "envelope_not_object")
        if payload is None:
            return
        # Most paths hold no envelope, and its classes take a while to build.
        from stormlog.artifacts.envelopes import parse_envelope

        try:
            envelope = parse_envelope(payload, path, str(Path(path).parent))
        except ValueError as error:
            self.log.add(path, "envelope_invalid", f"is not a valid run envelope: {error}")
            return
        run_id = envelope.run_id
        if run_id not in self._envelopes:
            self._envelopes[run_id] = envelope
            self._envelope_paths[run_id] = path
            return
        # Nobody can say which of them is right, so none is.
        self._envelopes[run_id] = None
        for repeated in (self._envelope_paths[run_id], path):
            self.log.add(
                repeated,
                f"envelope_duplicate_run_id:{run_id}",
                f"names run {run_id!r}, which another envelope names too; all of them were skipped",
            )


def _holding(name: str, listings: list[DirectoryListing]) -> list[DirectoryListing]:
    found = [listing for listing in listings if name in listing]
    return sorted(found, key=lambda listing: path_order(listing.spelled(name)))
