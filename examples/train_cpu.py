"""A small training job on the CPU that can be made to fail, to see what is recorded of it.

    stormlog run -- python examples/train_cpu.py --leak       from outside and inside, with phases and the allocator
    python examples/train_cpu.py --track telemetry --leak     from inside only

It computes with PyTorch if that is installed, else with NumPy, else with Python alone.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from operator import mul
from typing import Any

try:
    import torch
except ImportError:
    torch = None
try:
    import numpy as np
except ImportError:
    np = None

MIB = 1024 * 1024


class Model:
    """Two matrices, multiplied forth and back."""

    def __init__(self, size: int) -> None:
        self.weights = self._values(size)

    @staticmethod
    def _values(size: int) -> Any:
        if torch is not None:
            return torch.rand(size, size)
        if np is not None:
            return np.random.default_rng(0).random((size, size))
        return [[random.random() for _ in range(size)] for _ in range(size)]

    def forward(self) -> Any:
        """Return activations."""
        values = self._values(len(self.weights))
        if isinstance(values, list):
            columns = list(zip(*values, strict=True))
            return [[sum(map(mul, row, column)) for column in columns] for row in self.weights]
        return self.weights @ values

    def backward(self, activations: Any) -> None:
        """Change the weights by them."""
        if isinstance(activations, list):
            self.weights = [
                [weight * 0.999 + activation * 1e-6 for weight, activation in zip(*rows, strict=True)]
                for rows in zip(self.weights, activations, strict=True)
            ]
        else:
            self.weights = self.weights * 0.999 + activations * 1e-6


def allocate(mebibytes: int) -> Any:
    """Return so much memory, in use."""
    if torch is not None:
        return torch.ones(mebibytes * MIB, dtype=torch.uint8)
    if np is not None:
        return np.ones(mebibytes * MIB, dtype=np.uint8)
    return bytearray(b"1") * (mebibytes * MIB)


@contextlib.contextmanager
def no_phase(name: str) -> Iterator[None]:  # noqa: ARG001
    """Stand for a phase where nothing is tracked."""
    yield


def train(arguments: argparse.Namespace, phase: Any) -> None:
    """Train, with the failure that was asked for."""
    model = Model(arguments.size)
    kept = []
    for step in range(arguments.steps):
        with phase("train"):
            with phase("forward"):
                activations = model.forward()
                if arguments.leak:
                    # What training scripts do by keeping losses that hold their graph.
                    kept.append(allocate(arguments.mib))
                if arguments.fragment:
                    # Large pieces with small ones between them, which stay.
                    pieces = [bytearray(64 * 1024) for _ in range(arguments.mib * 16)]
                    kept.append(pieces[::16])
            with phase("backward"):
                model.backward(activations)
        time.sleep(arguments.pause)
        if arguments.oom and step == arguments.steps // 2:
            with phase("evaluate"):
                # More than any machine or limit has.
                kept.append(allocate(1 << 27))
    if arguments.kill:
        os.kill(os.getpid(), signal.SIGKILL)
    print(f"{arguments.steps} steps done")


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--pause", type=float, default=0.05, help="seconds after each step")
    parser.add_argument("--size", type=int, default=128, help="rows of the matrices")
    parser.add_argument("--mib", type=int, default=16, help="memory that a step leaks or fragments, in MiB")
    parser.add_argument("--leak", action="store_true", help="keep memory of each step")
    parser.add_argument(
        "--fragment", action="store_true", help="leave small pieces of memory between free ones"
    )
    parser.add_argument("--oom", action="store_true", help="ask for more memory than there is, half way")
    parser.add_argument("--kill", action="store_true", help="be killed at the end")
    parser.add_argument(
        "--track",
        metavar="DIR",
        default=os.environ.get("STORMLOG_SINK"),
        help="record from inside, into this directory (default: that of `stormlog run`)",
    )
    arguments = parser.parse_args()
    if not arguments.track:
        train(arguments, no_phase)
        return
    from stormlog.capture import MemoryTracker

    with MemoryTracker(arguments.track, interval=0.02, app="train_cpu") as tracker:
        train(arguments, tracker.phase)


if __name__ == "__main__":
    main()
