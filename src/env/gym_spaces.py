# gym_spaces.py - Gymnasium's spaces told in Stoa's terms, and values carried over.
#
# This file, gym_atari.py and gym_worker.py are one program, carried inside libstoa and run by a
# Python of the user's (src/env/gym.h tells the protocol). A nested space becomes a flat list of
# named parts; every part is one array with a row an instance.

import os

# many workers share the machine: none of them is to start threads of its own
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

MOST_TEXT = 4096  # bytes of a text
UNBOUNDED = 10.0  # stands in for the missing bound of an action


class Unsupported(Exception):
    """What cannot be carried over, in words for the user."""


def described(name, kind, dtype, shape, categories=0, low=None, high=None, labels=None):
    """A part as the parent wants it. A bound that is not finite is not told."""
    import math

    def finite(value):
        return float(value) if value is not None and math.isfinite(value) else None

    return {
        "name": name[:31],
        "kind": kind,
        "dtype": dtype,
        "shape": [int(n) for n in shape],
        "categories": int(categories),
        "low": finite(low),
        "high": finite(high),
        "labels": labels,
    }


def leaves(space, name, path=()):
    """The simple spaces within a nested one: (name, path of keys, space)."""
    from gymnasium import spaces

    if isinstance(space, spaces.Dict):
        items = list(space.spaces.items())
    elif isinstance(space, spaces.Tuple):
        items = list(enumerate(space.spaces))
    else:
        return [(name, path, space)]
    found = []
    for key, inner in items:
        inner_name = str(key) if not path else f"{name}.{key}"
        found += leaves(inner, inner_name, path + (key,))
    return found


def at(value, path):
    for key in path:
        value = value[key]
    return value


# ---- observations ---------------------------------------------------------------------------


def observation(name, space):
    """(part, write): write(row of the part's array, value) carries one value over."""
    import numpy as np
    from gymnasium import spaces

    def copy(row, value):
        row[...] = value

    if isinstance(space, spaces.Discrete):
        start = int(space.start)

        def shifted(row, value):
            row[...] = value - start

        return described(name, "categories", "i32", (), space.n), shifted
    if isinstance(space, spaces.MultiDiscrete):
        start = np.asarray(getattr(space, "start", 0))

        def shifted_all(row, value):
            row[...] = value - start

        most = int(np.max(space.nvec))
        return described(name, "categories", "i32", space.shape, most), shifted_all
    if isinstance(space, spaces.MultiBinary):
        return described(name, "categories", "i32", space.shape, 2), copy
    if isinstance(space, spaces.Text):
        size = min(4 * space.max_length, MOST_TEXT)

        def encode(row, value):
            text = value.encode()[:size]
            row[: len(text)] = np.frombuffer(text, np.uint8)
            row[len(text) :] = 0

        return described(name, "text", "u8", (size,)), encode
    if isinstance(space, spaces.Box):
        shape = space.shape
        if space.dtype == np.uint8:
            if len(shape) == 2:
                return described(name, "image", "u8", (*shape, 1)), lambda row, value: copy(
                    row[..., 0], value
                )
            if len(shape) == 3 and shape[2] in (1, 3, 4):
                return described(name, "image", "u8", shape), copy
            return described(name, "box", "u8", shape, low=0, high=255), copy
        low, high = float(np.min(space.low)), float(np.max(space.high))
        return described(name, "box", "f32", shape, low=low, high=high), copy
    raise Unsupported(f"observation {name} is a {type(space).__name__}, which is not supported")


class Observer:
    """Writes an environment's observations into the rows of the parts' arrays."""

    def __init__(self, space):
        self.parts, self.writers = [], []
        for name, path, leaf in leaves(space, "observation"):
            part, write = observation(name, leaf)
            self.parts.append(part)
            self.writers.append((path, write))
        if len(self.parts) > 8:
            raise Unsupported(f"{len(self.parts)} kinds of observation; at most 8 are supported")

    def write(self, arrays, row, value):
        for array, (path, write) in zip(arrays, self.writers):
            # a row of a plain list of numbers is a number: the slice keeps it writable
            write(array[row] if array.ndim > 1 else array[row : row + 1], at(value, path))


# ---- actions --------------------------------------------------------------------------------


def action(name, space):
    """(parts, read): read(one row of each part) gives the value the environment wants."""
    import numpy as np
    from gymnasium import spaces

    if isinstance(space, spaces.Discrete):
        start = int(space.start)
        return [described(name, "categories", "i32", (), space.n)], lambda rows: (
            int(rows[0]) + start
        )
    if isinstance(space, spaces.MultiBinary):
        return [described(name, "categories", "i32", space.shape, 2)], lambda rows: (
            rows[0].astype(space.dtype)
        )
    if isinstance(space, spaces.MultiDiscrete):
        start, counts = np.asarray(getattr(space, "start", 0)), space.nvec.reshape(-1)
        if (counts == counts[0]).all():
            return [described(name, "categories", "i32", space.shape, counts[0])], lambda rows: (
                (rows[0] + start).astype(space.dtype)
            )
        parts = [
            described(f"{name}.{i}", "categories", "i32", (), n) for i, n in enumerate(counts)
        ]
        return parts, lambda rows: (
            (np.array(rows).reshape(space.shape) + start).astype(space.dtype)
        )
    if isinstance(space, spaces.Box):
        low = np.where(np.isfinite(space.low), space.low, -UNBOUNDED)
        high = np.where(np.isfinite(space.high), space.high, UNBOUNDED)
        part = described(name, "box", "f32", space.shape, low=np.min(low), high=np.max(high))
        return [part], lambda rows: np.clip(rows[0], low, high).astype(space.dtype)
    if isinstance(space, spaces.Text):
        size = min(4 * space.max_length, MOST_TEXT)

        def decode(rows):
            return bytes(rows[0]).split(b"\0")[0].decode(errors="replace")[: space.max_length]

        return [described(name, "text", "u8", (size,))], decode
    raise Unsupported(f"action {name} is a {type(space).__name__}, which is not supported")


class Actor:
    """Reads the actions an environment wants from the rows of the parts' arrays."""

    def __init__(self, space):
        self.space, self.parts, self.readers = space, [], []
        for name, path, leaf in leaves(space, "action"):
            parts, read = action(name, leaf)
            first = len(self.parts)
            self.parts += parts
            self.readers.append((path, slice(first, len(self.parts)), read))
        if len(self.parts) > 8:
            raise Unsupported(f"{len(self.parts)} kinds of action; at most 8 are supported")

    def read(self, arrays, row):
        values = {
            path: read([array[row] for array in arrays[which]])
            for path, which, read in self.readers
        }
        return self.nest(self.space, (), values)

    def nest(self, space, path, values):
        if path in values:
            return values[path]
        inner = space.spaces  # of a Dict or a Tuple
        if isinstance(inner, (tuple, list)):
            return tuple(self.nest(s, path + (i,), values) for i, s in enumerate(inner))
        return {key: self.nest(s, path + (key,), values) for key, s in inner.items()}
