"""Stoa's environments for Python: `make` one, `make_vec` many, `list_environments`.

The package loads libstoa with ctypes and needs no compiler. Importing it registers every
environment with Gymnasium as stoa/<Name>-v0, so gymnasium.make("stoa/Chain-v0") and
gymnasium.make_vec("stoa/Chain-v0", num_envs=64) work too; "stoa:stoa/Chain-v0" imports the package
by itself.

Some observations are targets: there for auxiliary losses, not for the policy to read (explanations
of what it sees, say). They are in the observation's dict like the others; env.targets names them.
"""

import gymnasium

from .env import StoaEnv
from .library import LibraryNotFound, StoaError, list_environments, library_path, version
from .vector import StoaVectorEnv

__version__ = "0.1.0"
__all__ = [
    "LibraryNotFound",
    "StoaEnv",
    "StoaError",
    "StoaVectorEnv",
    "gymnasium_id",
    "library_path",
    "list_environments",
    "make",
    "make_vec",
    "version",
]


def make(name, *, seed=None, render_mode=None, **settings):
    """One environment, as a gymnasium.Env. settings are the environment's own."""
    return StoaEnv(name, seed=seed, render_mode=render_mode, **settings)


def make_vec(name, num_envs=1, *, seed=None, threads=1, copy=True, render_mode=None, **settings):
    """num_envs instances stepped by one call, as a gymnasium.vector.VectorEnv.

    threads: of the pool that steps them (0: one a CPU). copy=False hands out the same arrays at
    every step: faster, and what was returned is overwritten by the next step.
    """
    return StoaVectorEnv(
        name,
        num_envs,
        seed=seed,
        threads=threads,
        copy=copy,
        render_mode=render_mode,
        **settings,
    )


def gymnasium_id(name):
    """The id in Gymnasium's registry: "key-to-door" is stoa/KeyToDoor-v0."""
    return "stoa/" + "".join(word.capitalize() for word in name.split("-")) + "-v0"


def _register():
    for entry in list_environments():
        if entry["id_wanted"] or gymnasium_id(entry["name"]) in gymnasium.registry:
            continue
        gymnasium.register(
            id=gymnasium_id(entry["name"]),
            entry_point="stoa.env:StoaEnv",
            vector_entry_point="stoa.vector:StoaVectorEnv",
            kwargs={"name": entry["name"]},
        )


_register()
