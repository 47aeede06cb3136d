"""The PyTorch peer of Stoa's language-model benchmarks: the same transformer, written as a good
PyTorch user would (scaled_dot_product_attention, fused AdamW, autocast, torch.compile on request).

Prints one JSON object: tokens a second of training steps, or of batch-1 decoding with a key/value
cache. Run through compare_pytorch.py, which alternates it with Stoa.
"""

import argparse
import json
import math
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

SIZES = {  # layers, width, heads, context, batch, vocab, tied: as in src/cli/bench.c
    "1.2M": (6, 128, 4, 256, 8, 256, False),
    "10M": (6, 384, 6, 256, 8, 256, False),
    "124M": (12, 768, 12, 1024, 4, 50304, True),
}


def rope_tables(length, head, base=10000.0):
    inv = base ** (-torch.arange(0, head, 2, dtype=torch.float32) / head)
    angle = torch.arange(length, dtype=torch.float32)[:, None] * inv[None, :]
    return angle.cos(), angle.sin()  # (T, D/2)


def rotate(x, cos, sin):  # x (B, H, T, D), half-split
    a, b = x.chunk(2, dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.RMSNorm(width, eps=1e-5)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width, bias=False)
        self.norm2 = nn.RMSNorm(width, eps=1e-5)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def attend(self, x, cos, sin, cache=None):
        b, t, c = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if cache is not None:
            keys, values, at = cache
            keys[:, :, at : at + t] = k
            values[:, :, at : at + t] = v
            y = F.scaled_dot_product_attention(q, keys[:, :, : at + t], values[:, :, : at + t],
                                               is_causal=t > 1)
        else:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.proj(y.transpose(1, 2).reshape(b, t, c))

    def forward(self, x, cos, sin, cache=None):
        x = x + self.attend(self.norm1(x), cos, sin, cache)
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, layers, width, heads, context, vocab, tied):
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.norm = nn.RMSNorm(width, eps=1e-5)
        self.head = nn.Linear(width, vocab, bias=False)
        if tied:
            self.head.weight = self.embed.weight
        cos, sin = rope_tables(context, width // heads)
        self.register_buffer("cos", cos, persistent=False)
        self.register_buffer("sin", sin, persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                scale = 0.02 / math.sqrt(2 * layers) if name.endswith(("proj.weight", "down.weight")) else 0.02
                nn.init.normal_(p, std=scale)

    def forward(self, ids, targets):
        t = ids.shape[1]
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x, self.cos[:t], self.sin[:t])
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))

    def decode(self, ids, at, caches):
        t = ids.shape[1]
        x = self.embed(ids)
        for block, (keys, values) in zip(self.blocks, caches):
            x = block(x, self.cos[at : at + t], self.sin[at : at + t], (keys, values, at))
        return self.head(self.norm(x[:, -1:]))


LONG = 15.0  # seconds: after one step to warm up, one that takes longer is enough


def train_speed(model, args, batch, context, vocab):
    matrices = [p for p in model.parameters() if p.dim() == 2]
    others = [p for p in model.parameters() if p.dim() != 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
        lr=1e-4, betas=(0.9, 0.99), fused=True)
    loss_of = torch.compile(model) if args.compile else model
    stream = torch.randint(0, vocab, (batch, context + 1))
    ids, targets = stream[:, :-1].contiguous(), stream[:, 1:].contiguous()

    def step():
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.precision == "bf16"):
            loss = loss_of(ids, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    before = time.perf_counter()
    step()
    best, start, count = time.perf_counter() - before, time.perf_counter(), 0
    while best < LONG and (count < 3 or time.perf_counter() - start < args.seconds):
        before = time.perf_counter()
        step()
        best = min(best, time.perf_counter() - before)
        count += 1
    return batch * context / best


@torch.inference_mode()
def decode_speed(model, args, context, width, heads):
    dtype = torch.bfloat16 if args.precision == "bf16" else torch.float32
    model = model.to(dtype)
    layers = len(model.blocks)
    shape = (1, heads, context, width // heads)
    tokens = min(128, context - 1)

    def run():
        caches = [(torch.zeros(shape, dtype=dtype), torch.zeros(shape, dtype=dtype)) for _ in range(layers)]
        ids = torch.ones((1, 1), dtype=torch.long)
        logits = model.decode(ids, 0, caches)
        start = time.perf_counter()
        for at in range(1, tokens):
            probs = torch.softmax(logits[:, -1].float(), dim=-1)
            ids = torch.multinomial(probs, 1)
            logits = model.decode(ids, at, caches)
        return (tokens - 1) / (time.perf_counter() - start)

    run()
    return max(run() for _ in range(3))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=SIZES, default="1.2M")
    parser.add_argument("--precision", choices=("bf16", "f32"), default="bf16")
    parser.add_argument("--what", choices=("train", "decode"), default="train")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    layers, width, heads, context, batch, vocab, tied = SIZES[args.size]
    model = GPT(layers, width, heads, context, vocab, tied)
    if args.what == "train":
        rate = train_speed(model, args, batch, context, vocab)
    else:
        rate = decode_speed(model, args, context, width, heads)
    print(json.dumps({"tokens_per_second": rate, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
