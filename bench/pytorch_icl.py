"""The PyTorch peer of Stoa's in-context learning: the same classifier, batch and optimiser, written
as a good practitioner would for a CPU: scaled_dot_product_attention, the last block for the query
alone, fused Adam, everything allocated once, batches drawn beforehand (their making is not timed).

Prints one JSON object: milliseconds a step, forward, backward, clipping and update.

    python3 bench/pytorch_icl.py --model mini --threads 1 --seconds 5
"""

import argparse
import json
import math
import statistics
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

MODELS = {  # item, layers, heads, MLP in all layers, labels, batch, clip
    "mini": ((64,), 2, 4, False, 32, 64, 1.0),
    "glyphs": ((196,), 2, 8, True, 32, 32, 1.0),
    "full": ((105, 105), 12, 8, True, 1623, 32, 0.0),
    "two": ((105, 105), 2, 8, True, 1623, 32, 0.0),
    "lstm": ((64,), 2, 0, False, 32, 64, 1.0),
}
WIDTH, MLP, PAIRS = 64, 256, 8


def same(length, size, stride):
    pad = max((math.ceil(length / stride) - 1) * stride + size - length, 0)
    return pad // 2, pad - pad // 2


class ConvNorm(nn.Module):
    def __init__(self, into, out, size, stride=1):
        super().__init__()
        self.size, self.stride = size, stride
        self.conv = nn.Conv2d(into, out, size, stride, bias=False)
        self.norm = nn.BatchNorm2d(out, eps=1e-5, momentum=0.1)

    def forward(self, x):
        if self.size > 1:
            before, after = same(x.shape[-1], self.size, self.stride)
            if before == after:  # no copy
                x = F.conv2d(x, self.conv.weight, None, self.stride, before)
            else:
                x = self.conv(F.pad(x, (before, after, before, after)))
        else:
            x = self.conv(x)
        return self.norm(x)


class Bottleneck(nn.Module):
    def __init__(self, into, out, stride, first):
        super().__init__()
        self.past = ConvNorm(into, out, 1, stride) if first else None
        self.conv1 = ConvNorm(into, out // 4, 1)
        self.conv2 = ConvNorm(out // 4, out // 4, 3, stride)
        self.conv3 = ConvNorm(out // 4, out, 1)

    def forward(self, x):
        past = self.past(x) if self.past else x
        y = F.relu(self.conv2(F.relu(self.conv1(x))))
        return F.relu(self.conv3(y) + past)


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = ConvNorm(1, 64, 7, 2)
        blocks, into = [], 64
        for out, stride in ((16, 1), (32, 2), (32, 2), (64, 2)):
            blocks += [Bottleneck(into, out, stride, True), Bottleneck(out, out, 1, False)]
            into = out
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x):  # (R, 105, 105)
        x = F.max_pool2d(F.relu(self.first(x[:, None])), 3, 2, 1)
        return self.blocks(x).mean((2, 3))


class Block(nn.Module):
    def __init__(self, heads, mlp, last):
        super().__init__()
        self.heads, self.last = heads, last
        self.norm1 = nn.LayerNorm(WIDTH)
        if last:
            self.q, self.kv = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 2 * WIDTH)
        else:
            self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)
        if mlp:
            self.norm2 = nn.LayerNorm(WIDTH)
            self.up, self.down = nn.Linear(WIDTH, MLP), nn.Linear(MLP, WIDTH)
        self.mlp = mlp

    def split(self, x, parts):  # (B, T, parts * N) -> parts of (B, H, T, D)
        b, t, _ = x.shape
        return x.view(b, t, parts, self.heads, WIDTH // self.heads).permute(2, 0, 3, 1, 4)

    def forward(self, x):
        h = self.norm1(x)
        if self.last:
            k, v = self.split(self.kv(h), 2)
            (q,) = self.split(self.q(h[:, -1:]), 1)
            x = x[:, -1:]
            a = F.scaled_dot_product_attention(q, k, v)
        else:
            q, k, v = self.split(self.qkv(h), 3)
            a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(a.transpose(1, 2).reshape(x.shape))
        if self.mlp:
            x = x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))
        return x


class Classifier(nn.Module):
    def __init__(self, item, layers, heads, every, labels):
        super().__init__()
        self.item = ResNet() if len(item) == 2 else nn.Linear(*item, WIDTH)
        self.label = nn.Embedding(labels, WIDTH)
        tokens = 2 * PAIRS + 1
        angle = torch.arange(tokens)[:, None] * 30.0 ** (-torch.arange(WIDTH // 2) * 2 / WIDTH)
        self.register_buffer("place", torch.cat((angle.sin(), angle.cos()), 1))
        if heads:
            last = layers - 1
            self.core = nn.Sequential(
                *(Block(heads, every or i == last, i == last) for i in range(layers))
            )
        else:
            self.core = nn.LSTM(WIDTH, WIDTH, layers)
            self.mlp = nn.Sequential(
                nn.LayerNorm(WIDTH),
                nn.Linear(WIDTH, MLP),
                nn.GELU(approximate="tanh"),
                nn.Linear(MLP, WIDTH),
            )
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, labels)

    def forward(self, items, labels):  # (B, P + 1, ...), (B, P)
        b = len(items)
        e = self.item(items.flatten(0, 1)).view(b, PAIRS + 1, WIDTH)
        pairs = torch.stack((e[:, :PAIRS], self.label(labels)), 2).view(b, 2 * PAIRS, WIDTH)
        x = torch.cat((pairs, e[:, PAIRS:]), 1) + self.place
        if isinstance(self.core, nn.LSTM):
            h = self.core(x.transpose(0, 1))[0][-1]
            h = h + self.mlp(h)
        else:
            h = self.core(x)[:, 0]
        return self.head(self.norm(h))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="mini")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    item, layers, heads, every, labels, batch, clip = MODELS[args.model]
    model = Classifier(item, layers, heads, every, labels)
    parameters = sum(p.numel() for p in model.parameters())
    if len(item) == 2:
        model = model.to(memory_format=torch.channels_last)
    forward = torch.compile(model) if args.compile else model
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    items = torch.randn(batch, PAIRS + 1, *item) / math.sqrt(item[-1])
    shown = torch.randint(labels, (batch, PAIRS))
    target = torch.randint(labels, (batch,))

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=args.precision == "bf16"):
            logits = forward(items, shown)
        loss = F.cross_entropy(logits.float(), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        return loss.item()

    for _ in range(3):
        step()
    begin = time.perf_counter()
    step()
    each = max(1, int(0.1 / (time.perf_counter() - begin)))
    times, start = [], time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        begin = time.perf_counter()
        for _ in range(each):
            step()
        times.append((time.perf_counter() - begin) / each)
    print(
        json.dumps(
            {
                "ms": 1e3 * statistics.median(times),
                "least_ms": 1e3 * min(times),
                "parameters": parameters,
                "version": f"torch {torch.__version__}",
            }
        )
    )


if __name__ == "__main__":
    main()
