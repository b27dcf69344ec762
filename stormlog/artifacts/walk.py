"""Looks at each directory once and says what lies there.

The promise: nothing outside the opened paths is reached. Links to directories are never walked (what lies inside
is found at its own place), links to files only where they stay inside.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from dataclasses import field

from stormlog._opening import OpenedPaths, describe_special
from stormlog._values import mutable_class
from stormlog.artifacts.files import WarningLog, join_path
from stormlog.artifacts.names import (
    is_description,
    is_known_name,
    is_telemetry_name,
    without_workplaces,
)

__all__ = ["DirectoryListing", "scan_directory", "walk_below"]


@mutable_class
class DirectoryListing:
    """The members of one directory.

    Args:
        path: The directory as the caller spells it.
        real: The directory without links, absolute.
        files: Names of regular files.
        directories: Names of real directories.
        links: Names of links to regular files inside the opened paths, with their targets.
        outside: Names of links that lead out of the opened paths, with their targets.
        special: Names of what is neither a file nor a directory, and what it is.
    """

    path: str
    real: str
    files: set[str] = field(default_factory=set)
    directories: list[str] = field(default_factory=list)
    links: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    special: dict[str, str] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        """Say whether ``name`` is a file that may be read."""
        return name in self.files or name in self.links

    def spelled(self, name: str) -> str:
        """Return the caller's spelling of a member."""
        return join_path(self.path, name)

    def spell_all(self, names: Iterable[str]) -> list[str]:
        """Return the caller's spelling of many members."""
        prefix = join_path(self.path, "")
        return [prefix + name for name in names]

    def resolved(self, name: str) -> str:
        """Return a member's absolute path without links."""
        target = self.links.get(name)
        return join_path(self.real, name) if target is None else target

    def refuses(self, name: str, log: WarningLog) -> bool:
        """Say whether ``name`` must not be read, and log it: a link that leads outside, a pipe, a directory."""
        if name in self.outside:
            log.add(
                self.spelled(name),
                f"symlink_outside:{name}",
                "is a link that leaves the opened path and was not followed; "
                f"open {self.outside[name]} as well",
            )
        elif name in self.special or name in self.directories:
            what = self.special.get(name, "a directory")
            log.add(self.spelled(name), "path_special", f"is {what}, not a file; it was not read")
        else:
            return False
        return True


def scan_directory(
    path: str, real: str, root: str, opened: OpenedPaths, log: WarningLog
) -> DirectoryListing | None:
    """Return what lies in one directory; ``None``, logged, if it cannot be read.

    Args:
        path: The directory as the caller spells it.
        real: The same without links, absolute.
        root: The directory that is walked, without links.
        opened: Everything that was opened: links that lead out of it are refused.
        log: Receives what was skipped.
    """
    listing = DirectoryListing(path, real)
    linked: list[str] = []
    add_file = listing.files.add
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    add_file(entry.name)
                elif entry.is_symlink():
                    linked.append(entry.name)
                elif entry.is_dir(follow_symlinks=False):
                    listing.directories.append(entry.name)
                else:
                    listing.special[entry.name] = describe_special(entry.stat(follow_symlinks=False).st_mode)
    except OSError as error:
        log.add_unreadable(path, error)
        return None
    listing.directories = sorted(without_workplaces(listing.directories))
    for name in sorted(linked):
        _add_link(listing, name, root, opened, log)
    for name in sorted(listing.special):
        if is_known_name(name):
            listing.refuses(name, log)
    for name in listing.directories:
        # What lies in a directory called like a file of telemetry is found there.
        if is_description(name):
            listing.refuses(name, log)
    return listing


def walk_below(top: DirectoryListing, opened: OpenedPaths, log: WarningLog) -> list[DirectoryListing]:
    """Return ``top`` and the listings of all directories below it, parents first."""
    listings = [top]
    pending = [top]
    while pending:
        parent = pending.pop()
        found = []
        for name in parent.directories:
            path, real = parent.spelled(name), join_path(parent.real, name)
            listing = scan_directory(path, real, top.real, opened, log)
            if listing is not None:
                found.append(listing)
        listings.extend(found)
        pending.extend(reversed(found))
    return listings


def _add_link(listing: DirectoryListing, name: str, root: str, opened: OpenedPaths, log: WarningLog) -> None:
    path = listing.spelled(name)
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            log.add(path, f"symlink_loop:{name}", "is a link that leads back to itself and was not followed")
        elif not isinstance(error, FileNotFoundError):
            log.add_unreadable(path, error)
        elif is_known_name(name):
            log.add(path, "path_missing", "is a link to something that does not exist")
        return
    target = os.path.realpath(path)
    if not opened.hold(target):
        listing.outside[name] = target
        if stat.S_ISDIR(mode) or is_known_name(name):
            listing.refuses(name, log)
    elif stat.S_ISREG(mode):
        # What lies in another opened directory under a name of telemetry is read there.
        if _is_within(target, root) or not is_telemetry_name(os.path.basename(target)):
            listing.links[name] = target
    elif not stat.S_ISDIR(mode):
        listing.special[name] = describe_special(mode)
    elif _is_within(listing.real, target):
        log.add(
            path, f"symlink_loop:{name}", "is a link to a directory that contains it and was not followed"
        )


def _is_within(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory if directory == os.sep else directory + os.sep)
