"""A step of in-context learning beside PyTorch's, in turns in the same run; medians of --rounds.

    make benches && python3 bench/compare_icl.py --python PYTHON_WITH_TORCH

    mini   the small preset: items of 64 numbers, two layers of which the last has an MLP, batch 64
    glyphs the preset of pictures of 14 x 14: two layers with MLPs, batch 32
    lstm   mini with two layers of LSTM
    two    the paper's ResNet on 105 x 105 drawings, two layers, 1,623 labels, batch 32
    full   the same with twelve layers

Both sides run the last block for the query alone. PyTorch is given its batches; Stoa makes its own
within the step. --compile adds torch.compile. two and full want --set data.path=FOLDER of Omniglot.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PICTURES = ("preset=full", "data.side=105")
MODELS = {
    "mini": ("preset=mini",),
    "glyphs": ("preset=glyphs-small",),
    "lstm": ("preset=mini", "model.core=lstm"),
    "two": PICTURES + ("model.layers=2",),
    "full": PICTURES,
}


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["failed"])[-1]
        print(f"{' '.join(command)}: {last}", file=sys.stderr)
        return None
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--python", default=sys.executable, help="one that has torch")
    parser.add_argument("--bench", default=os.path.join(ROOT, "build", "bench", "bench_icl"))
    parser.add_argument("--models", default="mini", help="by commas")
    parser.add_argument("--threads", default="1", help="by commas")
    parser.add_argument("--precisions", default="f32,bf16", help="by commas")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="a measurement")
    parser.add_argument("--set", action="append", default=[], help="more of Stoa's settings")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    for model in args.models.split(","):
        for threads in args.threads.split(","):
            contests = {}
            for precision in args.precisions.split(","):
                peer = [args.python, os.path.join(HERE, "pytorch_icl.py"), "--model", model]
                peer += ["--threads", threads, "--precision", precision]
                peer += ["--seconds", str(args.seconds)]
                contests[f"PyTorch {precision}"] = peer
                if args.compile:
                    contests[f"PyTorch {precision} compiled"] = peer + ["--compile"]
                ours = [args.bench, "--seconds", str(args.seconds), f"threads={threads}"]
                ours += [f"precision={precision}", *MODELS[model], *args.set]
                contests[f"Stoa {precision}"] = ours
            times = {name: [] for name in contests}
            for _ in range(args.rounds):
                for name, command in contests.items():
                    out = run(command)
                    if out:
                        times[name].append(out["ms"])
            print(f"{model}, threads: {threads}")
            base = times.get("PyTorch f32")
            for name, ms in times.items():
                if not ms:
                    continue
                typical = statistics.median(ms)
                ratio = statistics.median(base) / typical if base else float("nan")
                runs = " ".join(f"{x:.3f}" for x in ms)
                print(f"  {name:<22}{typical:9.3f} ms  {ratio:5.2f} x  ({runs})", flush=True)


if __name__ == "__main__":
    main()
