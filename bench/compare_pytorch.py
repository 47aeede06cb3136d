"""Stoa against PyTorch, alternating on the same machine in the same run; medians of --rounds.

    make && python3 bench/compare_pytorch.py            # needs torch: pip install torch
    python3 bench/compare_pytorch.py --sizes 10M --rounds 3 --compile

torch.compile needs a C++ compiler and some minutes a size. 124M in float32 needs 5 GB.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def run(command, patience):
    """What a command printed as JSON, or why there is nothing."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired:
        return None, [f"stopped after {patience:.0f} s"]
    if done.returncode != 0:
        return None, done.stderr.strip().splitlines()[-1:] or ["failed"]
    return json.loads(done.stdout), None


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stoa", default=os.path.join(HERE, "..", "build", "stoa"))
    parser.add_argument("--sizes", default="1.2M,10M,124M")
    parser.add_argument("--precisions", default="bf16,f32")
    parser.add_argument("--what", default="train,decode")
    parser.add_argument("--rounds", type=int, help="default: 5, at 124M 3")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--compile", action="store_true", help="also torch.compile")
    parser.add_argument("--patience", type=float, default=600, help="seconds one run may take")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    table = []
    for size in args.sizes.split(","):
        for precision in args.precisions.split(","):
            for what in args.what.split(","):
                if what == "decode" and size == "124M":
                    continue
                peer = [sys.executable, os.path.join(HERE, "pytorch_peer.py"), "--size", size,
                        "--precision", precision, "--what", what, "--threads", str(args.threads),
                        "--seconds", str(args.seconds)]
                ours = [args.stoa, "bench", "--json", "--size", size, "--precision", precision,
                        "--threads", str(args.threads), "--seconds", str(args.seconds)]
                kinds = {"stoa": ours, "eager": peer}
                if args.compile and what == "train":
                    kinds["compiled"] = peer + ["--compile"]
                rates = {kind: [] for kind in kinds}
                mod = []
                for _ in range(args.rounds or (3 if size == "124M" else 5)):
                    for kind, command in kinds.items():
                        out, problem = run(command, args.patience)
                        if problem:
                            print(f"{kind}: {problem[0]}", file=sys.stderr)
                            continue
                        if kind == "stoa":
                            key = "training_tokens_per_second" if what == "train" else "decode_tokens_per_second"
                            rates[kind].append(out[0][key])
                            mod.append(out[1][key])
                        else:
                            rates[kind].append(out["tokens_per_second"])
                        print(f"{size} {precision} {what} {kind} {rates[kind][-1]:,.0f}",
                              file=sys.stderr, flush=True)
                row = {"size": size, "precision": precision, "what": what}
                row.update({kind: statistics.median(r) for kind, r in rates.items() if r})
                if mod:
                    row["stoa_mod"] = statistics.median(mod)
                for kind in ("eager", "compiled"):
                    if kind in row and "stoa" in row:
                        row["over_" + kind] = row["stoa"] / row[kind]
                table.append(row)
                if not args.json:
                    print("  ".join(f"{k} {v:,.2f}" if isinstance(v, float) else f"{v}"
                                    for k, v in row.items()), flush=True)
    if args.json:
        print(json.dumps(table, indent=2))


if __name__ == "__main__":
    main()
