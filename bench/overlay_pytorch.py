"""Loss curves from identical weights: Stoa's first 50 steps against PyTorch's.

    make benches && python3 bench/overlay_pytorch.py TEXT        # needs torch

Exit status 1 when two losses differ by more than 1e-3 nats (float32).
"""

import argparse
import json
import os
import struct
import subprocess
import sys
import tempfile

import torch
from pytorch_peer import GPT

HERE = os.path.dirname(os.path.abspath(__file__))


def read_safetensors(path):
    with open(path, "rb") as f:
        data = f.read()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    out = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = (8 + size + o for o in entry["data_offsets"])
            dtype = {"F32": torch.float32, "U8": torch.uint8}[entry["dtype"]]
            flat = torch.frombuffer(bytearray(data[begin:end]), dtype=dtype)
            out[name] = flat.reshape(entry["shape"])
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--program", default=os.path.join(HERE, "..", "build", "bench", "overlay"))
    parser.add_argument("--precision", default="f32", choices=("f32", "bf16"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([args.program, args.text, folder, args.precision], check=True,
                              capture_output=True, text=True)
        weights = read_safetensors(os.path.join(folder, "weights.safetensors"))
        with open(os.path.join(folder, "batches.i32"), "rb") as f:
            batches = torch.frombuffer(bytearray(f.read()), dtype=torch.int32)
    ours = [tuple(map(float, line.split())) for line in done.stdout.splitlines()]
    batches = batches.reshape(len(ours), 2, 8, 256).long()
    torch.set_num_threads(2)
    model = GPT(4, 128, 4, 256, 256, False)
    names = {"attention.qkv": "qkv", "attention.proj": "proj", "mlp.up": "up", "mlp.down": "down"}
    state = {}
    for name, value in weights.items():
        for long, short in names.items():
            name = name.replace(long, short)
        state[name] = value
    model.load_state_dict(state)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.1},
                                   {"params": others, "weight_decay": 0.0}],
                                  lr=1.0, betas=(0.9, 0.99), eps=1e-8)
    worst = 0.0
    for step, ((loss, rate), (inputs, targets)) in enumerate(zip(ours, batches)):
        for group in optimizer.param_groups:
            group["lr"] = rate
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
            peer = model(inputs, targets)
        peer.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        worst = max(worst, abs(peer.item() - loss))
        if step % 10 == 0 or step == len(ours) - 1:
            print(f"step {step:3d}  stoa {loss:.6f}  torch {peer.item():.6f}")
    print(f"largest difference over {len(ours)} steps: {worst:.2e}")
    return 1 if args.precision == "f32" and worst > 1e-3 else 0


if __name__ == "__main__":
    sys.exit(main())
