#!/usr/bin/env python3
"""Stoa's workers against gymnasium.vector.AsyncVectorEnv: the same Atari games, the same
pre-processing (frame skip 4 with maximum, 84 x 84 grey by area, 4 pictures, up to 30 no-ops,
sticky actions 0.25), random actions, in turns. Prints agent steps a second (four frames each) and
CPU time a step, all processes together, as medians of the rounds, and the ratios: the CPU time is
what remains meaningful on a busy machine. With --ale also ALE's own C++ vector, for orientation.

    PYTHONPATH=python python3 bench/compare_gym.py [--envs 8] [--rounds 5] [--seconds 1.5]

Needs numpy, gymnasium, ale-py, opencv-python-headless, and libstoa (`make`).
"""

import argparse
import os
import statistics
import sys
import time

import ale_py
import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

import stoa


def theirs_one(game):
    gymnasium.register_envs(ale_py)
    env = gymnasium.make(f"ALE/{game}-v5", frameskip=1, max_num_frames_per_episode=108000)
    return FrameStackObservation(AtariPreprocessing(env), 4)


def make_theirs(game, n):
    return AsyncVectorEnv(
        [lambda: theirs_one(game)] * n, autoreset_mode=AutoresetMode.SAME_STEP, copy=False
    )


def make_ours(game, n):
    return stoa.make_vec(f"gym:ALE/{game}-v5", n, seed=1, copy=False, python=sys.executable)


def make_ale(game, n):
    return ale_py.AtariVectorEnv(
        game.lower(),
        n,
        repeat_action_probability=0.25,
        reward_clipping=False,
        use_fire_reset=False,
        autoreset_mode=AutoresetMode.SAME_STEP,
    )


def cpu_seconds():
    """Of this process and its children that live, their threads included."""
    ticks, own = 0, str(os.getpid())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if own in (pid, fields[1]):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(envs, seconds):
    """(steps a second, CPU microseconds a step)"""
    steps, used, start = 0, cpu_seconds(), time.perf_counter()
    while time.perf_counter() - start < seconds:
        envs.step(envs.action_space.sample())
        steps += envs.num_envs
    elapsed = time.perf_counter() - start
    return steps / elapsed, (cpu_seconds() - used) / steps * 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--envs", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--ale", action="store_true", help="ALE's own C++ vector too")
    parser.add_argument("--games", default="Skiing,Pong")
    options = parser.parse_args()
    makers = {"stoa": make_ours, "gymnasium async": make_theirs}
    if options.ale:
        makers["ale vector"] = make_ale
    print(f"{options.envs} instances on {len(os.sched_getaffinity(0))} CPUs, agent steps a second")
    for game in options.games.split(","):
        sides = {name: make(game, options.envs) for name, make in makers.items()}
        rounds = {name: [] for name in sides}
        for envs in sides.values():
            envs.reset(seed=1)
            measure(envs, 0.3)
        for _ in range(options.rounds):
            for name, envs in sides.items():
                rounds[name].append(measure(envs, options.seconds))
        for envs in sides.values():
            envs.close()
        rate, cpu = (
            {name: statistics.median(round[i] for round in rounds[name]) for name in rounds}
            for i in (0, 1)
        )
        for name, values in rounds.items():
            spread = " ".join(f"{value:.0f}" for value, _ in values)
            print(f"{game:8} {name:16} {rate[name]:6.0f}/s  {cpu[name]:5.0f} us CPU   ({spread})")
        for name in list(sides)[1:]:
            print(
                f"{game:8} stoa / {name}: {rate['stoa'] / rate[name]:.2f} in rate, "
                f"{cpu[name] / cpu['stoa']:.2f} in CPU time"
            )


if __name__ == "__main__":
    main()
