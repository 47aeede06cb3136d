#!/usr/bin/env python3
"""Records what PyTorch computes, for the parity tests to compare with.

    python3 scripts/make_fixtures.py [folder]        (default: tests/fixtures)

Writes four small safetensors files; any PyTorch 2 on a CPU will do, and the results are the same
up to rounding. Names:

    ops.safetensors          CASE/INPUT, CASE/y; gradients of sum(y * CASE/dy) as CASE/dINPUT;
                             CASE/INPUT_after where an input is changed in place
    gpt.safetensors          tokens; init/NAME and final/NAME of the weights; losses, before each of
    lstm.safetensors         ten AdamW steps (rate 1e-3, betas 0.9 and 0.99, weight decay 0.1 on
                             matrices, gradient norm clipped at 1)
    agent.safetensors        input/NAME; weight/NAME; logits, value; gradient/NAME of
                             sum(logits * d_logits) + sum(value * d_value)

Read by tests/tensor/test_parity.c, tests/nn/test_parity_training.c and
tests/model/test_agent_parity.c.
"""

import json
import math
import pathlib
import struct
import sys

import torch
import torch.nn.functional as F

STEPS, RATE, BETAS, DECAY, CLIP = 10, 1e-3, (0.9, 0.99), 0.1, 1.0
DTYPES = {torch.float32: "F32", torch.int32: "I32", torch.uint8: "U8"}


def save(path, tensors, note):
    """Writes tensors as safetensors: an 8-byte length, a JSON header, the data."""
    header = {"__metadata__": {"made_by": "scripts/make_fixtures.py", "note": note}}
    blobs, at = [], 0
    for name, tensor in tensors.items():
        blob = tensor.detach().contiguous().numpy().tobytes()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + len(blob)],
        }
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(tensors)} tensors, {path.stat().st_size / 1024:.0f} KiB")


# ---- operations ---------------------------------------------------------------------------------


class Cases:
    """Collects inputs, outputs and gradients under the name of a case."""

    def __init__(self):
        self.tensors = {}
        self.random = torch.Generator().manual_seed(20240229)

    def normal(self, *shape, scale=1.0):
        return torch.randn(*shape, generator=self.random) * scale

    def integers(self, below, *shape):
        return torch.randint(below, shape, generator=self.random, dtype=torch.int32)

    def distinct(self, rows, count, below):
        """(rows, count) of distinct positions in no particular order."""
        order = [torch.randperm(below, generator=self.random)[:count] for _ in range(rows)]
        return torch.stack(order).to(torch.int32)

    def add(self, case, function, after=(), **inputs):
        """Calls function(**inputs); floating inputs get gradients."""
        leaves = {}
        for name, tensor in inputs.items():
            self.tensors[f"{case}/{name}"] = tensor
            wants = tensor.is_floating_point() and name not in after
            leaves[name] = tensor.clone().requires_grad_() if wants else tensor.clone()
        y = function(**leaves)
        dy = self.normal(*y.shape)
        (y * dy).sum().backward()
        self.tensors[f"{case}/y"], self.tensors[f"{case}/dy"] = y, dy
        for name, leaf in leaves.items():
            if name in after:
                self.tensors[f"{case}/{name}_after"] = leaf
            elif leaf.grad is not None:
                self.tensors[f"{case}/d{name}"] = leaf.grad


def rms_norm(x, weight, eps=1e-5):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + eps) * weight


def rotate(x, base):
    """RoPE on x (B, T, H, D), half-split: element i turns with element i + D/2."""
    half = x.shape[-1] // 2
    position = torch.arange(x.shape[1], dtype=torch.float64)
    speed = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angle = (position[:, None] * speed)[None, :, None, :]
    cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
    a, b = x[..., :half], x[..., half:]
    return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)


def attention(qkv, heads, kv_heads, width, base):
    """Causal attention of a fused projection qkv (B, T, (H + 2G) D) -> (B, T, H D)."""
    batch, length, _ = qkv.shape
    q, k, v = qkv.split([heads * width, kv_heads * width, kv_heads * width], -1)
    q = q.view(batch, length, heads, width)
    k = k.view(batch, length, kv_heads, width)
    v = v.view(batch, length, kv_heads, width)
    if base:
        q, k = rotate(q, base), rotate(k, base)
    k, v = (t.repeat_interleave(heads // kv_heads, dim=2) for t in (k, v))
    y = F.scaled_dot_product_attention(*(t.transpose(1, 2) for t in (q, k, v)), is_causal=True)
    return y.transpose(1, 2).reshape(batch, length, heads * width)


def batch_norm(x, weight, bias, running_mean, running_var, decay=0.9, eps=1e-5):
    """Training mode. The running variance follows the biased one of the batch."""
    axes = [0, 2, 3]
    with torch.no_grad():
        running_mean.mul_(decay).add_(x.mean(axes), alpha=1 - decay)
        running_var.mul_(decay).add_(x.var(axes, unbiased=False), alpha=1 - decay)
    return F.batch_norm(x, None, None, weight, bias, training=True, eps=eps)


def recurrent(module, x, weight_x, weight_h, bias_x, bias_h, h0, c0=None):
    """Runs torch.nn.LSTM or GRU with the given weights: x (T, B, K) -> (T, B, N)."""
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    weights = dict(zip(names, [weight_x, weight_h, bias_x, bias_h]))
    state = h0[None] if c0 is None else (h0[None], c0[None])
    return torch.func.functional_call(module, weights, (x, state))[0]


def gather_rows(x, index):
    return torch.gather(x, 1, index.long()[..., None].expand(-1, -1, x.shape[2]))


def scatter_rows(x, index, src, gate):
    rows = index.long()
    scaled = src * torch.gather(gate, 1, rows)[..., None]
    return x.scatter_add(1, rows[..., None].expand_as(src), scaled)


def make_ops(path):
    c = Cases()
    n = c.normal
    c.add("linear", F.linear, x=n(3, 5, 7), weight=n(4, 7), bias=n(4))
    c.add("layer_norm", lambda x, weight, bias: F.layer_norm(x, (9,), weight, bias),
          x=n(6, 9), weight=n(9), bias=n(9))
    c.add("rms_norm", rms_norm, x=n(6, 9), weight=n(9))
    c.add("gelu_exact", F.gelu, input=n(40, scale=2))
    c.add("gelu_tanh", lambda input: F.gelu(input, approximate="tanh"), input=n(40, scale=2))
    c.add("silu", F.silu, input=n(40, scale=3))
    c.add("swiglu", lambda input: F.silu(input[:, :6]) * input[:, 6:], input=n(5, 12))
    c.add("softplus", F.softplus, input=n(40, scale=5))
    c.add("log_softmax", lambda input: F.log_softmax(input, -1), input=n(5, 11, scale=3))
    targets = c.integers(11, 6)
    targets[2] = -1
    c.add("cross_entropy",
          lambda logits, targets: F.cross_entropy(logits, targets.long(), ignore_index=-1,
                                                  reduction="none"),
          logits=n(6, 11, scale=3), targets=targets)
    labels = torch.rand(4, 7, generator=c.random)
    c.add("binary_cross_entropy",
          lambda x: F.binary_cross_entropy_with_logits(x, labels, reduction="none"),
          x=n(4, 7, scale=3))
    c.tensors["binary_cross_entropy/labels"] = labels
    c.add("attention", lambda qkv: attention(qkv, 4, 4, 8, 0), qkv=n(2, 7, 12 * 8))
    c.add("attention_grouped_rope", lambda qkv: attention(qkv, 4, 2, 8, 10000.0),
          qkv=n(2, 9, 8 * 8))
    c.add("conv2d", F.conv2d, input=n(2, 3, 6, 5), weight=n(4, 3, 3, 3), bias=n(4))
    c.add("conv2d_stride", lambda input, weight, bias:
          F.conv2d(F.pad(input, (0, 1, 1, 2)), weight, bias, stride=2),
          input=n(2, 3, 7, 8), weight=n(4, 3, 3, 2), bias=n(4))
    c.add("batch_norm", batch_norm, after=("running_mean", "running_var"), x=n(3, 4, 2, 3),
          weight=n(4), bias=n(4), running_mean=n(4), running_var=n(4).square() + 0.5)
    c.add("max_pool", lambda input: F.max_pool2d(input, 3, stride=2, padding=1),
          input=n(2, 3, 7, 6))
    c.add("avg_pool", lambda input: F.avg_pool2d(input, 3, stride=2, padding=1,
                                                 count_include_pad=False), input=n(2, 3, 7, 6))
    c.add("embedding", lambda table, ids: F.embedding(ids.long(), table),
          table=n(6, 5), ids=c.integers(6, 3, 4))
    c.add("gather_rows", gather_rows, x=n(2, 6, 5), index=c.distinct(2, 3, 6))
    c.add("scatter_rows", scatter_rows, x=n(2, 6, 5), index=c.distinct(2, 3, 6), src=n(2, 3, 5),
          gate=n(2, 6))
    lstm, gru = torch.nn.LSTM(5, 6), torch.nn.GRU(5, 6)
    none = torch.zeros(24)
    c.add("lstm", lambda x, weight_x, weight_h, bias, h0, c0:
          recurrent(lstm, x, weight_x, weight_h, bias, none, h0, c0),
          x=n(4, 3, 5), weight_x=n(24, 5, scale=0.5), weight_h=n(24, 6, scale=0.5), bias=n(24),
          h0=n(3, 6), c0=n(3, 6))
    c.add("gru", lambda **inputs: recurrent(gru, **inputs),
          x=n(4, 3, 5), weight_x=n(18, 5, scale=0.5), weight_h=n(18, 6, scale=0.5), bias_x=n(18),
          bias_h=n(18), h0=n(3, 6))
    save(path, c.tensors, "values and gradients of operations")


# ---- training -----------------------------------------------------------------------------------


def train(path, weights, loss_of, data, note):
    """Ten AdamW steps from the given weights; loss_of(weights, step) -> loss."""
    tensors = dict(data)
    tensors.update({f"init/{name}": value.clone() for name, value in weights.items()})
    for value in weights.values():
        value.requires_grad_()
    matrices = [w for w in weights.values() if w.dim() >= 2]
    vectors = [w for w in weights.values() if w.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}],
        lr=RATE, betas=BETAS, eps=1e-8)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(weights, step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights.values(), CLIP)
        optimizer.step()
        losses.append(loss.detach())
    tensors["losses"] = torch.stack(losses)
    tensors.update({f"final/{name}": value for name, value in weights.items()})
    save(path, tensors, note)


def gpt_loss(w, tokens, heads=4):
    """tokens (B, T + 1): pre-norm blocks, RMSNorm, RoPE, GELU (tanh form), head of its own."""
    ids, targets = tokens[:, :-1].long(), tokens[:, 1:].long()
    x = F.embedding(ids, w["embedding"])
    width = x.shape[-1] // heads
    for layer in range(2):
        p = {name: w[f"{layer}.{name}"] for name in ("norm1", "qkv", "out", "norm2", "up", "down")}
        h = attention(F.linear(rms_norm(x, p["norm1"]), p["qkv"]), heads, heads, width, 10000.0)
        x = x + F.linear(h, p["out"])
        h = F.gelu(F.linear(rms_norm(x, p["norm2"]), p["up"]), approximate="tanh")
        x = x + F.linear(h, p["down"])
    logits = F.linear(rms_norm(x, w["norm"]), w["head"])
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def make_gpt(path, width=32, hidden=64, vocab=17, batch=4, length=16):
    g = torch.Generator().manual_seed(11)

    def matrix(rows, cols):
        return torch.randn(rows, cols, generator=g) / math.sqrt(cols)

    w = {"embedding": torch.randn(vocab, width, generator=g)}
    for layer in range(2):
        w[f"{layer}.norm1"] = torch.ones(width)
        w[f"{layer}.qkv"] = matrix(3 * width, width)
        w[f"{layer}.out"] = matrix(width, width)
        w[f"{layer}.norm2"] = torch.ones(width)
        w[f"{layer}.up"] = matrix(hidden, width)
        w[f"{layer}.down"] = matrix(width, hidden)
    w["norm"] = torch.ones(width)
    w["head"] = matrix(vocab, width)
    tokens = torch.randint(vocab, (STEPS, batch, length + 1), generator=g, dtype=torch.int32)
    train(path, w, lambda w, step: gpt_loss(w, tokens[step]), {"tokens": tokens},
          "ten steps of a two-layer transformer")


def make_lstm(path, length=12, batch=8, inputs=6, width=24, classes=5):
    g = torch.Generator().manual_seed(12)
    x = torch.randn(STEPS, length, batch, inputs, generator=g)
    labels = torch.randint(classes, (STEPS, batch), generator=g, dtype=torch.int32)
    module, none = torch.nn.LSTM(inputs, width), torch.zeros(4 * width)

    def matrix(rows, cols):
        return torch.randn(rows, cols, generator=g) / math.sqrt(width)

    w = {
        "weight_x": matrix(4 * width, inputs),
        "weight_h": matrix(4 * width, width),
        "bias": torch.zeros(4 * width),
        "head": matrix(classes, width),
        "head_bias": torch.zeros(classes),
    }

    def loss_of(w, step):
        zeros = torch.zeros(batch, width)
        h = recurrent(module, x[step], w["weight_x"], w["weight_h"], w["bias"], none, zeros, zeros)
        logits = F.linear(h[-1], w["head"], w["head_bias"])
        return F.cross_entropy(logits, labels[step].long())

    train(path, w, loss_of, {"x": x, "labels": labels}, "ten steps of an LSTM classifier")


def make_agent(path, steps=7, batch=4, encoder=12, core=16, actions=3):
    """An agent with an LSTM: 2 numbers and 5 cells of 3 kinds; last action and reward; resets."""
    g = torch.Generator().manual_seed(13)
    cells = torch.randint(3, (steps, batch, 5), generator=g, dtype=torch.uint8)
    time = torch.randn(steps, batch, 2, generator=g)
    move = torch.randint(actions, (steps, batch), generator=g, dtype=torch.int32)
    reward = torch.randn(steps, batch, generator=g)
    reset = (torch.rand(steps, batch, generator=g) < 0.2).to(torch.uint8)
    state = torch.randn(batch, 2 * core, generator=g)
    inputs = encoder + actions + 1
    shapes = {
        "encoder.numbers.weight": (encoder, 2),
        "encoder.cells.table": (5 * 3, encoder),
        "encoder.bias": (encoder,),
        "encoder.layers.1.weight": (encoder, encoder),
        "encoder.layers.1.bias": (encoder,),
        "core.weight_x": (4 * core, inputs),
        "core.weight_h": (4 * core, core),
        "core.bias": (4 * core,),
        "heads.action.move.weight": (actions, core),
        "heads.action.move.bias": (actions,),
        "heads.value.weight": (1, core),
        "heads.value.bias": (1,),
    }
    w = {name: 0.4 * torch.randn(*shape, generator=g) for name, shape in shapes.items()}
    for tensor in w.values():
        tensor.requires_grad_()
    one_hot = F.one_hot(cells.long(), 3).flatten(2).float()
    x = F.linear(time, w["encoder.numbers.weight"], w["encoder.bias"])
    x = torch.relu(x + one_hot @ w["encoder.cells.table"])
    x = torch.relu(F.linear(x, w["encoder.layers.1.weight"], w["encoder.layers.1.bias"]))
    kept = (1 - reset.float()).unsqueeze(-1)
    told = torch.cat([F.one_hot(move.long(), actions).float(), reward.unsqueeze(-1)], -1)
    x = torch.cat([x, told * kept], -1)
    cell = torch.nn.LSTMCell(inputs, core)
    names = {"weight_ih": "core.weight_x", "weight_hh": "core.weight_h", "bias_ih": "core.bias"}
    parameters = {name: w[ours] for name, ours in names.items()}
    parameters["bias_hh"] = torch.zeros(4 * core)
    h, c, outputs = state[:, :core], state[:, core:], []
    for t in range(steps):
        h, c = torch.func.functional_call(cell, parameters, (x[t], (h * kept[t], c * kept[t])))
        outputs.append(h)
    h = torch.stack(outputs)
    logits = F.linear(h, w["heads.action.move.weight"], w["heads.action.move.bias"])
    value = F.linear(h, w["heads.value.weight"], w["heads.value.bias"]).squeeze(-1)
    d_logits = torch.randn(logits.shape, generator=g)
    d_value = torch.randn(value.shape, generator=g)
    ((logits * d_logits).sum() + (value * d_value).sum()).backward()
    tensors = {"input/cells": cells, "input/time": time, "input/move": move,
               "input/reward": reward, "input/reset": reset, "input/state": state}
    tensors.update({f"weight/{name}": tensor for name, tensor in w.items()})
    tensors.update({f"gradient/{name}": tensor.grad for name, tensor in w.items()})
    tensors.update({"logits": logits, "value": value, "d_logits": d_logits, "d_value": d_value})
    save(path, tensors, "forward and backward of an LSTM agent")


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "tests/fixtures")
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    make_ops(folder / "ops.safetensors")
    make_gpt(folder / "gpt.safetensors")
    make_lstm(folder / "lstm.safetensors")
    make_agent(folder / "agent.safetensors")


if __name__ == "__main__":
    main()
