"""The linear layers of one training step on PyTorch's own oneDNN, and nothing else.

Prints one JSON object: seconds of all their products (output, input gradient, weight gradient), each
at its best round, and their FLOPs. Run through compare_onednn.py.
"""

import argparse
import json
import math
import re
import time

import torch
import torch.nn.functional as F

from pytorch_peer import SIZES


def best_of(product, seconds):
    product()
    best, spent, rounds = math.inf, 0.0, 0
    while rounds < 3 or spent < seconds:
        before = time.perf_counter()
        product()
        took = time.perf_counter() - before
        best, spent, rounds = min(best, took), spent + took, rounds + 1
    return best


@torch.inference_mode()
def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="10M")
    parser.add_argument("--precision", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.05)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32
    layers, c, _, context, batch, vocab, _ = SIZES[args.size]
    m, seconds, flops = batch * context, 0.0, 0.0
    for k, n, count in ((c, 3 * c, layers), (c, c, layers), (c, 4 * c, layers), (4 * c, c, layers),
                        (c, vocab, 1)):
        x, w, dy = (torch.randn(shape).to(dtype) for shape in ((m, k), (n, k), (m, n)))
        # as autograd does it
        for product in (lambda: F.linear(x, w), lambda: dy @ w, lambda: dy.t() @ x):
            seconds += count * best_of(product, args.seconds)
            flops += count * 2.0 * m * k * n
    version = re.search(r"MKL-DNN v([\d.]+)", torch.__config__.show())
    print(json.dumps({"library": f"PyTorch's oneDNN {version.group(1) if version else '?'}",
                      "seconds": seconds, "flops": flops}))


if __name__ == "__main__":
    main()
