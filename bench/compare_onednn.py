"""Stoa's whole training step against oneDNN alone on the same linear layers, in turns on the same
machine in the same run; medians of --rounds.

    make all benches && python3 bench/compare_onednn.py
    python3 bench/compare_onednn.py --sizes 10M,124M --precisions bf16,f32

oneDNN does only the matrix products of the linear layers, each on its best route with nothing
around it (bench/bench_onednn.c); PyTorch's newer oneDNN does the same where torch is installed
(bench/pytorch_linear.py). Stoa does all of a step: these products, attention, norms, loss, clipping,
AdamW. Two ratios, both to oneDNN's FLOP/s:

    strict      only the FLOPs of the linear layers, over the time of the whole step
    all         also the attention's FLOPs, as `stoa plan` counts them
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, patience):
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: " + (done.stderr.strip().splitlines() or ["failed"])[-1])
    return json.loads(done.stdout)


def measure(args, size, precision):
    threads = str(args.threads)
    commands = {
        "oneDNN": [os.path.join(args.build, "bench", "bench_onednn"), size, precision, threads, "json"],
        "stoa": [os.path.join(args.build, "stoa"), "bench", "--json", "--size", size, "--precision",
                 precision, "--threads", threads, "--seconds", str(args.seconds)],
    }
    if importlib.util.find_spec("torch"):
        commands["torch"] = [sys.executable, os.path.join(HERE, "pytorch_linear.py"), "--size", size,
                             "--precision", precision, "--threads", threads]
    rates, libraries, linear = {kind: [] for kind in commands}, {}, 0
    for _ in range(args.rounds):
        for kind, command in commands.items():
            out = run(command, args.patience)
            if kind == "stoa":
                dense = out[0]
                step = dense["step_flops"] / dense["flops_per_second"]
                rates[kind].append((linear / step, dense["flops_per_second"],
                                    dense["training_tokens_per_second"]))
                seen = linear / step
            else:
                libraries[kind] = out["library"]
                linear = out["flops"]
                seen = out["flops"] / out["seconds"]
                rates[kind].append(seen)
            print(f"{size} {precision} {kind} {seen / 1e9:,.0f} GFLOP/s of linear layers",
                  file=sys.stderr, flush=True)
    ours, all_ours, tokens = (statistics.median(column) for column in zip(*rates.pop("stoa")))
    row = {"size": size, "precision": precision, "stoa_tokens_per_second": tokens,
           "stoa_linear_flops_per_second": ours, "stoa_flops_per_second": all_ours, "peers": []}
    for kind, values in rates.items():
        rate = statistics.median(values)
        row["peers"].append({"library": libraries[kind], "flops_per_second": rate,
                             "lowest": min(values), "highest": max(values),
                             "strict": ours / rate, "all": all_ours / rate})
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(HERE, "..", "build"))
    parser.add_argument("--sizes", default="124M")
    parser.add_argument("--precisions", default="bf16")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--patience", type=float, default=600, help="seconds one run may take")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    table = []
    for size in args.sizes.split(","):
        for precision in args.precisions.split(","):
            row = measure(args, size, precision)
            table.append(row)
            if args.json:
                continue
            print(f"{size} {precision}: Stoa's step {row['stoa_tokens_per_second']:,.0f} tokens/s, "
                  f"{row['stoa_linear_flops_per_second'] / 1e9:,.0f} GFLOP/s of linear layers, "
                  f"{row['stoa_flops_per_second'] / 1e9:,.0f} of all")
            for peer in row["peers"]:
                print(f"    {peer['library']:24} {peer['flops_per_second'] / 1e9:7,.0f} GFLOP/s "
                      f"({peer['lowest'] / 1e9:,.0f} to {peer['highest'] / 1e9:,.0f})   "
                      f"strict {peer['strict']:.2f}   all {peer['all']:.2f}", flush=True)
    if args.json:
        print(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
