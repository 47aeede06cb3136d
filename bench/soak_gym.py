#!/usr/bin/env python3
"""Steps a Gymnasium environment in Stoa's workers for a long time while workers are killed or made
to hang at random, and checks that nothing is lost, leaked or stuck:

    every step returns within --patience seconds
    each instance's steps are exactly those of its finished episodes and of the running one
    each killed worker costs exactly the episodes that ran in it
    memory and open files of this process do not grow; no child is left at the end

    python3 bench/soak_gym.py --minutes 30        # needs numpy, gymnasium, and libstoa (`make`)

Exit status 1 when anything did not hold.
"""

import argparse
import faulthandler
import os
import random
import signal
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))

import numpy as np

import stoa


def children():
    """Processes that this one started and that live."""
    found, own = [], str(os.getpid())
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == own and fields[0] != "Z":
            found.append(int(pid))
    return found


def memory():
    """MiB that this process has in use."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def open_files():
    return len(os.listdir("/proc/self/fd"))


class Ledger:
    """Episodes and steps of all instances."""

    def __init__(self, count):
        self.running = np.zeros(count, np.int64)  # steps of the running episodes
        self.steps = self.finished = self.lost = self.wrong = 0

    def note(self, terminated, truncated, infos):
        self.steps += 1
        self.running += 1
        ended = terminated | truncated
        if not ended.any():
            return
        lengths = infos["final_info"]["length"].astype(np.int64)
        # the step in which a worker fails is not one of the episode's
        short = ended & (lengths == self.running - 1) & ~terminated
        self.lost += int(short.sum())
        self.finished += int(ended.sum())
        self.wrong += int((ended & ~short & (lengths != self.running)).sum())
        self.running[ended] = 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--environment", default="gym:CartPole-v1")
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--every", type=float, default=2, help="mean seconds between two blows")
    parser.add_argument("--hang", type=float, default=0.1, help="share of blows that make it hang")
    parser.add_argument("--timeout", type=float, default=10, help="of a silent worker, seconds")
    parser.add_argument("--patience", type=float, default=300, help="seconds a step may take")
    parser.add_argument("--growth", type=float, default=8, help="MiB of memory it may gain")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.instances % args.workers:
        parser.error("--instances must be a multiple of --workers")
    chance = random.Random(args.seed)
    envs = stoa.make_vec(
        args.environment,
        args.instances,
        seed=args.seed,
        copy=False,
        workers=args.workers,
        timeout=args.timeout,
        python=sys.executable,
    )
    envs.reset(seed=args.seed)
    ledger, marks, blows, slowest = Ledger(args.instances), [], 0, 0.0
    start = now = time.monotonic()
    due, told, end = start + args.every, start, start + 60 * args.minutes
    while now < end:
        if due is None:  # from the worker's return on: four failures in a row end a run
            due = now + chance.expovariate(1 / args.every)
        elif now >= due and now + 3 * args.timeout < end:
            blow = signal.SIGSTOP if chance.random() < args.hang else signal.SIGKILL
            os.kill(chance.choice(children()), blow)
            blows += 1
            due = None
        faulthandler.dump_traceback_later(args.patience, exit=True)
        _, _, terminated, truncated, infos = envs.step(envs.action_space.sample())
        faulthandler.cancel_dump_traceback_later()
        ledger.note(terminated, truncated, infos)
        before, now = now, time.monotonic()
        slowest = max(slowest, now - before)
        if now - told >= min(10.0, 6 * args.minutes):
            told = now
            marks.append((memory(), open_files()))
            print(
                f"{now - start:6.0f} s: {ledger.steps} steps of {args.instances}, {blows} blows, "
                f"{ledger.finished} episodes, {ledger.lost} of them lost, "
                f"{marks[-1][0]:.1f} MiB, {marks[-1][1]} files",
                flush=True,
            )
    envs.close()
    left = children()
    quarter = max(1, len(marks) // 4)
    first, last = (
        [statistics.median(mark[i] for mark in part) for i in (0, 1)]
        for part in (marks[:quarter], marks[-quarter:])
    )
    expected = blows * args.instances // args.workers
    checks = {
        f"{ledger.wrong} episodes of a wrong length": ledger.wrong == 0,
        f"{ledger.lost} episodes lost to {blows} blows, {expected} expected": ledger.lost
        == expected,
        f"memory from {first[0]:.1f} to {last[0]:.1f} MiB": last[0] - first[0] <= args.growth,
        f"open files from {first[1]:.0f} to {last[1]:.0f}": last[1] <= first[1],
        f"{len(left)} children left": not left,
        f"slowest step {slowest:.1f} s": slowest < args.patience,
    }
    for text, good in checks.items():
        print(f"{'ok    ' if good else 'BROKEN'} {text}")
    sys.exit(0 if all(checks.values()) else 1)


if __name__ == "__main__":
    main()
