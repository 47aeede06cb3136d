"""Finds and loads libstoa, and wraps its flat calls (stoa_env_flat_*, include/stoa/env.h)."""

import ctypes
import ctypes.util
import json
import os
import pathlib

import numpy as np

SONAME = "libstoa.so.0"
_USAGE = 1  # STOA_ERR_USAGE


class StoaError(RuntimeError):
    """What the library refused, in its own words."""


class LibraryNotFound(ImportError):
    """libstoa could not be found or loaded."""


def _candidates():
    given = os.environ.get("STOA_LIBRARY")
    if given:
        yield given
        return
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here, here.parent, here.parent.parent / "build", pathlib.Path("build")):
        for name in (SONAME, "libstoa.so"):
            if (folder / name).is_file():
                yield str(folder / name)
    yield SONAME  # wherever the system's loader looks
    for folder in ("/usr/local/lib", "/usr/lib"):
        if os.path.isfile(os.path.join(folder, SONAME)):
            yield os.path.join(folder, SONAME)


def _load():
    tried = []
    for path in _candidates():
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            tried.append(f"{path}: {error}")
    raise LibraryNotFound(
        "libstoa was not found; build it with `make` or install it with `make install`, or name it "
        "in STOA_LIBRARY. Tried " + "; ".join(tried)
    )


_lib, _path = _load()


def _declare(name, result, *arguments):
    try:
        function = getattr(_lib, name)
    except AttributeError:
        raise LibraryNotFound(
            f"{_path} has no {name}: it is older than this package; rebuild it with `make`"
        ) from None
    function.restype = result
    function.argtypes = arguments
    return function


_p, _text, _int, _i64, _u64 = (
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_int,
    ctypes.c_int64,
    ctypes.c_uint64,
)
_version = _declare("stoa_version", _text)
_free = _declare("stoa_free", None, _p)
_list = _declare("stoa_env_flat_list", _p)
_open = _declare(
    "stoa_env_flat_open",
    _p,
    _text,
    ctypes.POINTER(_text),
    _int,
    _i64,
    _u64,
    _int,
    ctypes.POINTER(_int),
    _text,
    ctypes.c_size_t,
)
_close = _declare("stoa_env_flat_close", None, _p)
_spec = _declare("stoa_env_flat_spec", _text, _p)
_message = _declare("stoa_env_flat_message", _text, _p)
_seed = _declare("stoa_env_flat_seed", None, _p, _u64)
_reset = _declare("stoa_env_flat_reset", _int, _p, _p)
_step = _declare("stoa_env_flat_step", _int, _p, _p)
_rgb = _declare("stoa_env_flat_rgb", _int, _p, _i64, _p)
_draw = _declare("stoa_env_flat_text", _text, _p, _i64)
_state_bytes = _declare("stoa_env_flat_state_bytes", _i64, _p)
_save = _declare("stoa_env_flat_save", _int, _p, _p)
_load_state = _declare("stoa_env_flat_load", _int, _p, _p, _i64)


def version():
    """The library's version."""
    return _version().decode()


def library_path():
    """The file that was loaded."""
    return _path


def list_environments():
    """A list of {"name", "summary", "id_wanted"}: all that the library has."""
    pointer = _list()
    if not pointer:
        raise MemoryError
    try:
        return json.loads(ctypes.string_at(pointer).decode())
    finally:
        _free(pointer)


def _setting_text(value):
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, np.ndarray)):
        return ",".join(_setting_text(item) for item in value)
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value)


class Handle:
    """One batch of instances. Arrays are pointed at by `point` and filled by `reset` and `step`."""

    def __init__(self, name, count, seed, threads, settings):
        texts = [f"{key}={_setting_text(value)}".encode() for key, value in settings.items()]
        status, message = ctypes.c_int(), ctypes.create_string_buffer(1024)
        self._handle = None
        self._handle = _open(
            name.encode(),
            (ctypes.c_char_p * max(1, len(texts)))(*texts),
            len(texts),
            count,
            seed,
            threads,
            ctypes.byref(status),
            message,
            len(message),
        )
        if not self._handle:
            text = message.value.decode(errors="replace")
            raise (ValueError if status.value == _USAGE else StoaError)(text)
        self.spec = json.loads(_spec(self._handle).decode())
        self._pointers = (ctypes.c_void_p * len(self.spec["arrays"]))()
        self._arrays = [None] * len(self._pointers)  # keeps what is pointed at alive
        self._slots = {
            (entry["part"], entry["index"]): i for i, entry in enumerate(self.spec["arrays"])
        }

    def point(self, part, index, array):
        """Has the library read or write this array from now on. None: not wanted."""
        slot = self._slots[(part, index)]
        self._arrays[slot] = array
        self._pointers[slot] = (
            None if array is None or array.size == 0 else array.__array_interface__["data"][0]
        )

    def _check(self, status):
        if status:
            text = _message(self._handle).decode(errors="replace")
            raise (ValueError if status == _USAGE else StoaError)(text)

    def _alive(self):
        if not self._handle:
            raise StoaError("the environment is closed")
        return self._handle

    def seed(self, seed):
        _seed(self._alive(), seed)

    def reset(self):
        self._check(_reset(self._alive(), self._pointers))

    def step(self):
        self._check(_step(self._alive(), self._pointers))

    def rgb(self, instance):
        height, width = self.spec["render"]
        pixels = np.empty((height, width, 3), np.uint8)
        self._check(_rgb(self._alive(), instance, pixels.ctypes.data))
        return pixels

    def text(self, instance):
        drawing = _draw(self._alive(), instance)
        if drawing is None:
            raise StoaError(_message(self._handle).decode(errors="replace"))
        return drawing.decode()

    def save(self):
        """The whole state as bytes; `load` goes on from there."""
        state = ctypes.create_string_buffer(max(1, _state_bytes(self._alive())))
        self._check(_save(self._handle, state))
        return state.raw

    def load(self, state):
        self._check(_load_state(self._alive(), state, len(state)))

    def close(self):
        if self._handle:
            _close(self._handle)
            self._handle = None

    def __del__(self):
        try:
            self.close()
        except (AttributeError, TypeError):  # the interpreter is going down
            pass
