"""Catch for the peers of the agents' benchmarks (compare_agents.py): as numbers, in batches.

Both worlds keep Stoa's rules (docs/environments/catch.md): 10 x 5 cells, 20 drops an episode, the
catches paid as one sum at its end. An observation is 52 numbers of f32: the board, the elapsed
share of the episode, and whether this step is its last. Episodes begin anew in the step that ends
one.

    StoaCatch   Stoa's own, through libstoa, so that only the agents are compared
    NumpyCatch  the same rules in vectorised NumPy, as one would write it without Stoa
"""

import importlib.util
import os
import sys

import numpy as np

ROWS, COLUMNS, DROPS = 10, 5, 20
NUMBERS, ACTIONS = ROWS * COLUMNS + 2, 3
HERE = os.path.dirname(os.path.abspath(__file__))


def _library():
    """python/stoa/library.py alone: the package around it wants a newer Gymnasium than some peers
    can live with."""
    name = "stoa_library"
    if name not in sys.modules:
        path = os.path.join(HERE, "..", "python", "stoa", "library.py")
        spec = importlib.util.spec_from_file_location(name, path)
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


class StoaCatch:
    """reset() and step(actions) return arrays that the next step overwrites."""

    def __init__(self, count, seed=1):
        self._handle = _library().Handle("catch", count, seed, 1, {"drops": DROPS})
        point = self._handle.point
        self._board = np.zeros((count, ROWS, COLUMNS), np.uint8)
        self._time = np.zeros((count, 2), np.float32)
        self._actions = np.zeros(count, np.int32)
        self._rewards = np.zeros(count, np.float32)
        self._ended, self._cut = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        self._metrics = np.zeros((count, 1), np.float32)
        self._observations = np.zeros((count, NUMBERS), np.float32)
        point("observation", 0, self._board)
        point("observation", 1, self._time)
        point("action", 0, self._actions)
        point("reward", -1, self._rewards)
        point("terminated", -1, self._ended)
        point("truncated", -1, self._cut)
        point("metric", -1, self._metrics)

    def _observe(self):
        self._observations[:, :-2] = self._board.reshape(len(self._board), -1)
        self._observations[:, -2:] = self._time
        return self._observations

    def reset(self):
        self._handle.reset()
        return self._observe()

    def step(self, actions):
        """Observations (B, 52), rewards (B), episodes ended (B)."""
        self._actions[:] = actions
        self._handle.step()
        return self._observe(), self._rewards, self._ended


class NumpyCatch:
    def __init__(self, count, seed=1):
        self._random = np.random.default_rng(seed)
        self._all = np.arange(count)
        self._step, self._caught, self._row, self._ball, self._paddle = np.zeros(
            (5, count), np.int64
        )
        self._observations = np.zeros((count, NUMBERS), np.float32)

    def _begin(self, which):
        count = int(which.sum())
        self._step[which] = self._caught[which] = 0
        self._paddle[which] = COLUMNS // 2
        self._row[which] = 0
        self._ball[which] = self._random.integers(0, COLUMNS, count)

    def _observe(self):
        x, i = self._observations, self._all
        x[:] = 0
        x[i, (ROWS - 1) * COLUMNS + self._paddle] = 1
        shown = self._row < ROWS
        x[i[shown], self._row[shown] * COLUMNS + self._ball[shown]] = 1
        x[:, -2] = self._step / (ROWS * DROPS)
        x[:, -1] = self._step + 1 == ROWS * DROPS
        return x

    def reset(self):
        self._begin(np.ones(len(self._all), np.bool_))
        return self._observe()

    def step(self, actions):
        self._paddle = np.clip(self._paddle + actions - 1, 0, COLUMNS - 1)
        self._row += 1
        self._step += 1
        self._caught += (self._row == ROWS - 1) & (self._paddle == self._ball)
        ended = self._step == ROWS * DROPS
        rewards = np.where(ended, self._caught, 0).astype(np.float32)
        fallen = (self._row >= ROWS) & ~ended
        if fallen.any():
            self._row[fallen] = 0
            self._ball[fallen] = self._random.integers(0, COLUMNS, int(fallen.sum()))
        if ended.any():
            self._begin(ended)
        return self._observe(), rewards, ended


WORLDS = {"stoa": StoaCatch, "numpy": NumpyCatch}
