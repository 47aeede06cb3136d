"""Stoa's agents against PyTorch ones, in turns in the same run; medians of --rounds.

    make && python3 bench/compare_agents.py --python PYTHON_WITH_TORCH \\
        [--puffer-python PYTHON] [--sample-factory-python PYTHON]

What is measured (--what, by commas):

    train   whole training, acting and learning: LSTM of 128 on Catch, 256 instances, unrolls of 20,
            one update from each unroll, Adam; 1 and 2 threads; f32, and bf16 too for Stoa and
            PyTorch (autocast). Peers: pytorch_agent.py in both its ways, and puffer_agent.py and
            sample_factory_agent.py where a Python for them is named.
    room    the same of the small odd-one-out room with explanations: pytorch_room.py in both its ways
    guides  Stoa alone: synthetic returns at 64, an MLP of 64-64, the same batch
    known   Stoa alone: seconds until CartPole's mean return over 100 episodes is 475 and plain
            Catch's rate is 0.95, process start and evaluations included; five seeds
    env     Stoa alone: environments' steps a second on one thread, 256 instances

A training rate is taken over at least --seconds after a warm-up. Progress goes to standard error.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
NETWORK = "52 -> 128 ReLU -> LSTM 128 -> 3 + 1; B 256, T 20"
ROOM = "4 x (243 -> 64 -> 64) -> 256 x 3 ReLU -> LSTM 128 -> 8 + 1 + 11 x 66 words; B 32, T 32"
KNOWN = (  # settings, the bar in seconds
    ("examples/agents/cartpole-vtrace.yaml", 30),
    ("examples/agents/cartpole-ppo.yaml", 30),
    ("examples/agents/catch.yaml", 3),
)
GUIDES = (("sr64", "V-trace, LSTM 64, synthetic returns 64", 150e3), ("mlp64", "MLP 64-64", 500e3))
ENVIRONMENTS = (("catch", 50e6), ("chain", 50e6), ("key-to-door", 5e6))


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def run(command, patience):
    """The JSON object a command printed, or None after telling why there is none."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        say(f"{command[1]}: stopped after {patience:.0f} s")
        return None
    if done.returncode != 0:
        say(f"{command[1]}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}")
        return None
    return json.loads(done.stdout)


class Stoa:
    def __init__(self, args, folder):
        self.args, self.folder, self.speeds = args, folder, {}

    def train(self, settings, sets):
        words = [f"--set={key}={value}" for key, value in sets.items()]
        command = [self.args.stoa, "train", settings, "--json", "--quiet", "--fresh"]
        return run(command + [f"--set=out={self.folder}"] + words, self.args.patience)

    def rate(self, name, threads, precision="f32"):
        """Steps a second of a run long enough; the first call finds out how long that is."""
        settings = os.path.join(HERE, "agents", name + ".yaml")
        key, sets = (name, threads, precision), {"threads": threads, "precision": precision}
        if key not in self.speeds:
            steps, seconds = 100_000, 0.0
            while seconds < min(1.0, self.args.seconds):
                out = self.train(settings, {**sets, "train.steps": steps})
                if not out:
                    return None
                seconds, steps = out["seconds"], steps * 4
            self.speeds[key] = out["steps_per_second"]
        for _ in range(3):
            steps = int(self.speeds[key] * self.args.seconds * 1.1)
            out = self.train(settings, {**sets, "train.steps": steps})
            if not out:
                return None
            self.speeds[key] = out["steps_per_second"]
            if out["seconds"] >= self.args.seconds:
                break
        return out["steps_per_second"]


def peers_of(args):
    """Name of each peer to its command, without threads."""
    torch = [args.python, os.path.join(HERE, "pytorch_agent.py")]
    peers = {
        "PyTorch, pieces": torch + ["--recurrence", "pieces"],
        "PyTorch, a cell a row": torch + ["--recurrence", "cell"],
        "PyTorch, pieces, bf16": torch + ["--recurrence", "pieces", "--precision", "bf16"],
        "PyTorch, a cell a row, bf16": torch + ["--recurrence", "cell", "--precision", "bf16"],
    }
    if args.numpy_world:
        peers["PyTorch, NumPy Catch"] = torch + ["--world", "numpy"]
    if args.puffer_python:
        peers["PufferLib"] = [args.puffer_python, os.path.join(HERE, "puffer_agent.py")]
    if args.sample_factory_python:
        peers["Sample Factory"] = [
            args.sample_factory_python,
            os.path.join(HERE, "sample_factory_agent.py"),
        ]
    return peers


def room_peers_of(args):
    torch = [args.python, os.path.join(HERE, "pytorch_room.py"), "--recurrence"]
    ways = {"PyTorch, a cell a row": "cell", "PyTorch, inputs at once": "split"}
    narrow = ["--precision", "bf16"]
    return {
        **{name: torch + [way] for name, way in ways.items()},
        **{name + ", bf16": torch + [way] + narrow for name, way in ways.items()},
    }


def take_turns(args, stoa, settings, peers, network):
    """Prints the table of Stoa's settings beside the peers; returns its rows and the medians."""
    counts = [int(n) for n in args.threads.split(",")]
    rates, versions = {}, {}
    for number in range(args.rounds):
        for threads in counts:
            for name in ["Stoa", "Stoa, bf16", *peers]:
                if name.startswith("Stoa"):
                    rate = stoa.rate(settings, threads, "bf16" if "bf16" in name else "f32")
                else:
                    words = ["--threads", str(threads), "--seconds", str(args.seconds)]
                    out = run(peers[name] + words, args.patience)
                    rate = out and out["steps_per_second"]
                    versions[name] = out["version"] if out else versions.get(name, "")
                if rate:
                    rates.setdefault((name, threads), []).append(rate)
                    say(f"round {number + 1}: {name}, {threads} threads: {rate:,.0f} steps/s")
    medians = {key: statistics.median(values) for key, values in rates.items()}
    print(f"\nTraining, {network}; medians of {args.rounds}, f32 where nothing else is said\n")
    print("| trainer | threads | steps/s | lowest to highest | Stoa over it, f32 | bf16 |")
    print("|---|---|---|---|---|---|")
    rows = []
    for (name, threads), rate in medians.items():
        values = rates[name, threads]
        label = f"{name} ({versions[name]})" if versions.get(name) else name
        spread = f"{min(values):,.0f} to {max(values):,.0f}"
        ours = [medians.get((kind, threads)) for kind in ("Stoa", "Stoa, bf16")]
        times = " | ".join(f"{our / rate:.2f}" if our else "" for our in ours)
        print(f"| {label} | {threads} | {rate:,.0f} | {spread} | {times} |")
        rows.append({"trainer": name, "threads": threads, "steps_per_second": values})
    print()
    return rows, medians


def measure_training(args, stoa):
    rows, medians = take_turns(args, stoa, "lstm128", peers_of(args), NETWORK)
    for kind in ("Stoa", "Stoa, bf16"):
        if (kind, 1) in medians and (kind, 2) in medians:
            gain = medians[kind, 2] / medians[kind, 1]
            print(f"{kind}: two threads over one {gain:.2f} (bar 1.7)")
    ours = max((rate for (name, _), rate in medians.items() if "Stoa" in name), default=None)
    for group, bar in ((("PufferLib", "Sample Factory"), 5), (("PyTorch",), 10)):
        theirs = [rate for (name, _), rate in medians.items() if name.startswith(group)]
        if ours and theirs:
            names = " and ".join(group)
            print(f"best of Stoa over the best of {names}: {ours / max(theirs):.1f} (bar {bar})")
    return rows


def measure_room(args, stoa):
    rows, medians = take_turns(args, stoa, "room", room_peers_of(args), ROOM)
    for threads in [int(n) for n in args.threads.split(",")]:
        ours = [rate for (name, n), rate in medians.items() if n == threads and "Stoa" in name]
        theirs = [rate for (name, n), rate in medians.items() if n == threads and "Torch" in name]
        if ours and theirs:
            print(
                f"{threads} threads: best of Stoa over the best of PyTorch: "
                f"{max(ours) / max(theirs):.2f} (bar 4)"
            )
    return rows


def measure_guides(args, stoa):
    rows = []
    print(f"\nStoa alone, B 256, T 20, f32; medians of {args.rounds}\n")
    print("| network | threads | steps/s | guide |\n|---|---|---|---|")
    for name, label, guide in GUIDES:
        for threads in [int(n) for n in args.threads.split(",")]:
            values = [stoa.rate(name, threads) for _ in range(args.rounds)]
            values = [value for value in values if value]
            if values:
                rate = statistics.median(values)
                print(f"| {label} | {threads} | {rate:,.0f} | {guide:,.0f} |", flush=True)
                rows.append({"network": label, "threads": threads, "steps_per_second": values})
    return rows


def measure_known(args, stoa):
    rows = []
    print("\nSeconds to a known answer, wall clock of the whole program, all threads\n")
    print("| settings | bar | seeds | seconds | solved |\n|---|---|---|---|---|")
    for settings, bar in KNOWN:
        seconds, solved = [], 0
        for seed in range(1, args.seeds + 1):
            start = time.perf_counter()
            out = stoa.train(os.path.join(ROOT, settings), {"seed": seed})
            seconds.append(time.perf_counter() - start)
            solved += bool(out and out["stopped_early"])
            score = out.get("best_score", float("nan")) if out else float("nan")
            say(f"{settings}, seed {seed}: {seconds[-1]:.2f} s, best {score:.4g}")
        times = " ".join(f"{s:.2f}" for s in seconds)
        print(f"| {settings} | {bar} s | {args.seeds} | {times} | {solved} |", flush=True)
        rows.append({"settings": settings, "seconds": seconds, "solved": solved})
    return rows


def measure_environments(args, _):
    rows = []
    print(f"\nEnvironments alone, 256 instances, one thread; medians of {args.rounds}\n")
    print("| environment | million steps/s | bar |\n|---|---|---|")
    for name, bar in ENVIRONMENTS:
        command = [args.stoa, "env", "bench", name, "--json", "--threads", "1"]
        outs = [run(command + ["--seconds", "1"], args.patience) for _ in range(args.rounds)]
        values = [out["steps_per_second_one_thread"] for out in outs if out]
        if values:
            rate = statistics.median(values)
            print(f"| {name} | {rate / 1e6:.1f} | {bar / 1e6:.0f} |", flush=True)
            rows.append({"environment": name, "steps_per_second": values})
    return rows


MEASURES = {
    "train": measure_training,
    "room": measure_room,
    "guides": measure_guides,
    "known": measure_known,
    "env": measure_environments,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stoa", default=os.path.join(ROOT, "build", "stoa"))
    parser.add_argument("--python", default=sys.executable, help="has torch and numpy")
    parser.add_argument("--puffer-python", help="has pufferlib")
    parser.add_argument("--sample-factory-python", help="has sample-factory")
    parser.add_argument("--what", default=",".join(MEASURES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--numpy-world", action="store_true", help="PyTorch with NumPy's Catch too")
    parser.add_argument("--patience", type=float, default=600, help="seconds one run may take")
    parser.add_argument("--json", help="also write the figures to this file")
    args = parser.parse_args()
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"{len(os.sched_getaffinity(0))} CPUs, load before {load}")
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        stoa = Stoa(args, folder)
        for what in args.what.split(","):
            figures[what] = MEASURES[what](args, stoa)
    if args.json:
        with open(args.json, "w") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    main()
