"""Stoa's spaces as Gymnasium's, and the arrays behind them."""

import numpy as np
from gymnasium import spaces

_DTYPES = {"f32": np.float32, "i32": np.int32, "u8": np.uint8}


def dtype_of(part):
    return np.dtype(_DTYPES[part["dtype"]])


def _bound(value, otherwise):
    return otherwise if value is None else value


def single(part):
    """The space of one instance's part.

    Text is its UTF-8 bytes, padded with zeros: a Box, so that a batch of it is one array.
    """
    shape, dtype = tuple(part["shape"]), dtype_of(part)
    if part["kind"] == "categories":
        n = part["categories"]
        if not shape:
            return spaces.Discrete(n)
        if n <= np.iinfo(dtype).max:
            return spaces.MultiDiscrete(np.full(shape, n, dtype), dtype=dtype)
        return spaces.Box(0, n - 1, shape, dtype)  # MultiDiscrete cannot count that far in dtype
    if part["kind"] == "box":
        low, high = _bound(part["low"], -np.inf), _bound(part["high"], np.inf)
        return spaces.Box(dtype.type(low), dtype.type(high), shape, dtype)
    return spaces.Box(0, 255, shape, dtype)


def joined(parts):
    """A Dict of all parts; a single part is given unwrapped."""
    if len(parts) == 1:
        return single(parts[0])
    return spaces.Dict({part["name"]: single(part) for part in parts})


def targets(parts):
    """Names of the observations that are there to learn from, not for the policy to read."""
    return [part["name"] for part in parts if part["target"]]


def empty(part, count):
    """Memory for a batch of the part."""
    return np.empty((count, *part["shape"]), dtype_of(part))


def join(parts, arrays):
    """Arrays as the batch that belongs to `joined`."""
    if len(parts) == 1:
        return arrays[0]
    return {part["name"]: array for part, array in zip(parts, arrays)}


def split(parts, batch, count):
    """The arrays of an action batch in the form the library reads; copies where it must."""
    pieces = [batch] if len(parts) == 1 else [batch[part["name"]] for part in parts]
    arrays = []
    for part, piece in zip(parts, pieces):
        array, shape = np.asarray(piece), (count, *part["shape"])
        if array.shape != shape:
            raise ValueError(f"action {part['name']} has shape {array.shape}; it must be {shape}")
        if part["kind"] == "categories" and not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"action {part['name']} is {array.dtype}; it must be whole numbers")
        dtype = dtype_of(part)
        if array.dtype != dtype and array.dtype.itemsize > dtype.itemsize and array.size:
            if np.issubdtype(dtype, np.integer) and np.any(array > np.iinfo(dtype).max):
                raise ValueError(f"action {part['name']} is out of range")
        arrays.append(np.ascontiguousarray(array, dtype))
    return arrays
