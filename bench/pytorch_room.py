"""The PyTorch peer of Stoa's agent in the small odd-one-out room (bench/agents/room.yaml):
V-trace with an LSTM that reads its last action, and explanations to say, written as a good
practitioner would for a CPU: the world is Stoa's own and writes straight into the unroll,
everything is allocated once, acting goes without autograd, words are computed only where something
is told, Adam is fused.

    objects 243 -> 64 -> 64 ReLU each, with their places -> 256 -> 256 -> 256 ReLU -> LSTM 128 ->
    8 logits, a value, and 11 x 66 word logits

Episodes of 32 instances end at nearly every step, so nn.LSTM over pieces between ends has nothing
to gain here. The LSTM goes a row at a time in one of two ways:

    cell    torch.lstm_cell on its masked state, as most published code does
    split   the inputs' product of all rows at once, then the states' product row by row

Prints one JSON object: environment steps a second of acting and learning together, after warm-up.

    python3 bench/pytorch_room.py --threads 1 --seconds 10
    make all benches && python3 bench/pytorch_room.py --check     # the same losses as Stoa's

--check has build/bench/overlay_agent make some updates in float32 and computes the losses of the
last one from the same weights and unroll. Exit status 1 when two figures differ by more than 1e-4
of their size.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from overlay_pytorch import read_safetensors
from peer_env import _library
from pytorch_agent import vtrace

HERE = os.path.dirname(os.path.abspath(__file__))
ROOM = {
    "interior": 5,
    "placement": "cells",
    "steps": 48,
    "phase": 2,
    "colors": 8,
    "textures": 6,
    "shapes": 8,
    "observation": "pictures",
}
OBJECTS, PICTURE, ACTIONS, ENCODED, WIDTH = 4, 9 * 9 * 3, 8, 256, 128
VERDICTS = ("Correct", "Incorrect")
DISCOUNT, VALUE, ENTROPY, PROPERTIES, REWARD = 0.8, 0.25, 0.01, 0.005, 0.005
CLIP = 40.0


class World:
    """The room in batches. Observations, rewards and ends of step t + 1 go to row t + 1."""

    def __init__(self, count, threads, rows):
        self.handle = _library().Handle("odd-one-out", count, 1, threads, ROOM)
        self.spaces = self.handle.spec["observations"]
        self.rows = [
            torch.zeros(rows, count, *space["shape"], dtype=torch.uint8) for space in self.spaces
        ]
        self.finals = [torch.zeros_like(row[0]) for row in self.rows]
        self.actions = torch.zeros(count, dtype=torch.int32)
        self.rewards = torch.zeros(rows, count)
        self.ended = torch.zeros(rows, count, dtype=torch.bool)
        self.cut = torch.zeros(rows, count, dtype=torch.bool)
        for i, array in enumerate(self.finals):
            self.handle.point("final_observation", i, array.numpy())
        self.handle.point("action", 0, self.actions.numpy())

    def _point(self, row):
        for i, array in enumerate(self.rows):
            self.handle.point("observation", i, array[row].numpy())
        self.handle.point("reward", -1, self.rewards[row].numpy())
        self.handle.point("terminated", -1, self.ended[row].numpy())
        self.handle.point("truncated", -1, self.cut[row].numpy())

    def reset(self, row):
        self._point(row)
        self.handle.reset()

    def step(self, actions, row):
        self.actions.copy_(actions)
        self._point(row)
        self.handle.step()


class Agent(nn.Module):
    def __init__(self, places, words, length):
        super().__init__()
        self.places, self.words, self.length = places, words, length
        self.objects = nn.Sequential(
            nn.Linear(PICTURE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU()
        )
        self.table = nn.Embedding(5 * places, ENCODED)
        nn.init.normal_(self.table.weight, std=0.1)
        self.joint = nn.Linear(OBJECTS * 64, ENCODED)
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.Linear(ENCODED, ENCODED),
            nn.ReLU(),
            nn.Linear(ENCODED, ENCODED),
            nn.ReLU(),
        )
        self.core = nn.LSTMCell(ENCODED + ACTIONS, WIDTH)
        self.policy, self.value = nn.Linear(WIDTH, ACTIONS), nn.Linear(WIDTH, 1)
        self.say = nn.Linear(WIDTH, length * words)
        nn.init.orthogonal_(self.policy.weight, 0.01)
        self.register_buffer("offsets", places * torch.arange(5))

    def encode(self, places, pictures, last):  # (R, 5) and (R, 4, 9, 9, 3) U8, (R, A)
        rows = len(places)
        x = self.objects(pictures.reshape(rows * OBJECTS, PICTURE).float() / 255)
        x = self.joint(x.reshape(rows, OBJECTS * 64))
        ids = places.long() + self.offsets
        x = self.layers(x + F.embedding_bag(ids, self.table.weight, mode="sum"))
        return torch.cat((x, last), 1)

    def cell(self, x, alive, state):
        h, c = state
        core = self.core
        return torch.lstm_cell(
            x,
            (h * alive, c * alive),
            core.weight_ih,
            core.weight_hh,
            core.bias_ih,
            core.bias_hh,
        )

    def act(self, places, pictures, last, alive, state):  # alive (B, 1)
        state = self.cell(self.encode(places, pictures, last), alive, state)
        return self.policy(state[0]), self.value(state[0]).squeeze(-1), state

    def learn(self, places, pictures, last, alive, state, recurrence):  # (T + 1, B, ...)
        rows, batch = alive.shape[:2]
        flat = [x.reshape(rows * batch, *x.shape[2:]) for x in (places, pictures, last)]
        x, outs = self.encode(*flat), []
        if recurrence == "cell":
            x = x.view(rows, batch, -1)
            for t in range(rows):
                state = self.cell(x[t], alive[t], state)
                outs.append(state[0])
        else:
            core, (h, c) = self.core, state
            x = F.linear(x, core.weight_ih, core.bias_ih + core.bias_hh).view(rows, batch, -1)
            turned = core.weight_hh.t()
            for t in range(rows):
                gates = torch.addmm(x[t], h * alive[t], turned)
                i, f, g, o = gates.float().chunk(4, 1)
                c = f.sigmoid() * (c * alive[t]) + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
                outs.append(h)
        features = torch.stack(outs)
        return features, self.policy(features), self.value(features).squeeze(-1)


def explanation_losses(agent, features, told, verdicts):
    """Means over told steps of the cross-entropy summed over words and end, of both kinds.

    features (N, WIDTH); told (N, L) words, 0 behind the end."""
    rows = told[:, 0] != 0
    features, told = features[rows], told[rows].long()
    length = (told != 0).sum(1, keepdim=True)
    targets = F.pad(told, (0, 1))
    place = torch.arange(targets.shape[1])
    targets = torch.where(place > length, -1, targets)
    logits = agent.say(features).float().view(-1, agent.words)
    each = F.cross_entropy(logits, targets.view(-1), ignore_index=-1, reduction="none")
    each = each.view(targets.shape).sum(1)
    verdict = torch.isin(told[:, 0], verdicts).float()
    counts = (1 - verdict).sum().clamp(min=1), verdict.sum().clamp(min=1)
    return (each * (1 - verdict)).sum() / counts[0], (each * verdict).sum() / counts[1]


def losses(agent, batch, state, verdicts, recurrence, narrow):
    """Of an unroll of T + 1 rows; returns the loss and its parts, means over T * B."""
    with narrow:
        features, logits, values = agent.learn(
            batch["places"], batch["pictures"], batch["last"], batch["alive"], state, recurrence
        )
        steps = len(features) - 1
        flat = features[:-1].reshape(-1, WIDTH)
        said = explanation_losses(
            agent, flat, batch["told"][:steps].reshape(len(flat), -1), verdicts
        )
    logits, values = logits.float(), values.float()
    log_policy = F.log_softmax(logits[:-1], -1)
    log_probs = log_policy.gather(-1, batch["actions"][..., None])[..., 0]
    detached = values.detach()
    ends = batch["ended"] | batch["cut"]
    lost = batch["cut"] & ~batch["ended"]
    targets, advantages = vtrace(
        log_probs.detach() - batch["log_probs"],
        DISCOUNT * (~ends).float(),
        batch["rewards"] + torch.where(lost, DISCOUNT * batch["final_values"], 0.0),
        detached[:-1],
        detached[-1],
    )
    parts = {
        "policy_loss": -(log_probs * advantages).mean(),
        "value_loss": (values[:-1] - targets).square().mean() / 2,
        "entropy": -(log_policy.exp() * log_policy).sum(-1).mean(),
        "explanations/property_loss": said[0],
        "explanations/reward_loss": said[1],
    }
    total = parts["policy_loss"] + 2 * VALUE * parts["value_loss"] - ENTROPY * parts["entropy"]
    return total + PROPERTIES * said[0] + REWARD * said[1], parts


def words_of(spaces):
    """The text's space, and the ids of the words that a verdict begins with."""
    text = spaces[-1]
    return text, torch.tensor([text["labels"].index(word) for word in VERDICTS])


class Trainer:
    def __init__(self, args):
        t, b = args.unroll, args.batch
        self.args = args
        self.world = World(b, args.threads, t + 1)
        text, self.verdicts = words_of(self.world.spaces)
        self.agent = Agent(
            self.world.spaces[0]["categories"], text["categories"], text["shape"][0] + 1
        )
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=5e-4, eps=1e-5, fused=True)
        world = self.world
        self.batch = {
            "places": world.rows[0],
            "pictures": world.rows[1],
            "told": world.rows[2],
            "last": torch.zeros(t + 1, b, ACTIONS),
            "alive": torch.zeros(t + 1, b, 1),
            "actions": torch.zeros(t, b, dtype=torch.long),
            "log_probs": torch.zeros(t, b),
            "final_values": torch.zeros(t, b),
            "rewards": world.rewards[1:],
            "ended": world.ended[1:],
            "cut": world.cut[1:],
        }
        self.state = (torch.zeros(b, WIDTH), torch.zeros(b, WIDTH))
        world.reset(t)
        self.world_seconds = 0.0

    def narrow(self):
        """Products in bf16 where that was asked for; results are used as f32."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.args.precision == "bf16")

    def value_of_ends(self, t):
        """Values of the last states of episodes that step t cut off."""
        rows = self.world.cut[t + 1].nonzero()[:, 0]
        last = F.one_hot(self.batch["actions"][t, rows], ACTIONS).float()
        state = tuple(s[rows] for s in self.state)
        places, pictures, _ = (final[rows] for final in self.world.finals)
        with self.narrow():
            _, values, _ = self.agent.act(
                places, pictures, last, torch.ones(len(rows), 1), state
            )
        self.batch["final_values"][t, rows] = values.float()

    @torch.inference_mode()
    def collect(self):
        batch, world = self.batch, self.world
        for name in ("places", "pictures", "told", "last", "alive"):
            batch[name][0] = batch[name][-1]
        for t in range(self.args.unroll):
            with self.narrow():
                logits, _, self.state = self.agent.act(
                    batch["places"][t],
                    batch["pictures"][t],
                    batch["last"][t],
                    batch["alive"][t],
                    self.state,
                )
            log_probs = F.log_softmax(logits.float(), -1)
            actions = torch.multinomial(log_probs.exp(), 1)
            batch["actions"][t] = actions[:, 0]
            batch["log_probs"][t] = log_probs.gather(1, actions)[:, 0]
            before = time.perf_counter()
            world.step(actions[:, 0], t + 1)
            self.world_seconds += time.perf_counter() - before
            alive = batch["alive"][t + 1]
            alive[:, 0] = ~(world.ended[t + 1] | world.cut[t + 1])
            last = batch["last"][t + 1]
            last.zero_()
            last.scatter_(1, actions, alive)
            if world.cut[t + 1].any():
                self.value_of_ends(t)

    def update(self):
        first = tuple(s.clone() for s in self.state)
        self.collect()
        loss, parts = losses(
            self.agent, self.batch, first, self.verdicts, self.args.recurrence, self.narrow()
        )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), CLIP)
        self.optimizer.step()
        return parts


# ---- the same losses ------------------------------------------------------------------------------

NAMES = {
    "objects.0": "encoder.pictures.0",
    "objects.2": "encoder.pictures.1",
    "layers.1": "encoder.layers.1",
    "layers.3": "encoder.layers.2",
    "policy": "heads.action.move",
    "value": "heads.value",
    "say": "explanations.text.out",
}


def load(agent, file):
    """Stoa's weights."""
    state = {
        "table.weight": file["encoder.places.table"],
        "joint.weight": file["encoder.pictures.weight"],
        "joint.bias": file["encoder.bias"],
        "core.weight_ih": file["core.weight_x"],
        "core.weight_hh": file["core.weight_h"],
        "core.bias_ih": file["core.bias"],
        "core.bias_hh": torch.zeros_like(file["core.bias"]),
        "offsets": agent.offsets,
    }
    for ours, theirs in NAMES.items():
        for leaf in ("weight", "bias"):
            state[f"{ours}.{leaf}"] = file[f"{theirs}.{leaf}"]
    agent.load_state_dict(state)


def unroll_of(file, spaces):
    """Stoa's unroll as a batch."""

    def array(name, dtype):
        data = file[name].numpy()
        return torch.from_numpy(data.view(dtype).reshape(*data.shape[:2], -1).copy())

    shaped = [
        array("observations." + space["name"], np.uint8).reshape(
            *file["rewards"].shape[:2], *space["shape"]
        )
        for space in spaces
    ]
    actions = array("actions.move", np.int32)[..., 0].long()
    rewards = array("rewards", np.float32)[..., 0]
    alive = 1.0 - array("reset", np.uint8).float()
    last = F.one_hot(actions, ACTIONS).float() * alive
    return {
        "places": shaped[0],
        "pictures": shaped[1],
        "told": shaped[2],
        "last": last,
        "alive": alive,
        "actions": actions[1:],
        "log_probs": array("log_probs", np.float32)[..., 0],
        "final_values": array("final_values", np.float32)[1:, :, 0],
        "rewards": rewards[1:],
        "ended": array("terminated", np.uint8)[1:, :, 0].bool(),
        "cut": array("truncated", np.uint8)[1:, :, 0].bool(),
    }


def check(args):
    """Whether both ways give the losses and the gradient's norm that Stoa had."""
    settings = os.path.join(HERE, "agents", "room.yaml")
    with tempfile.TemporaryDirectory() as folder:
        command = [args.overlay, settings, str(args.updates), folder, "precision=f32", "threads=1"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        file = read_safetensors(os.path.join(folder, "update.safetensors"))
    ours = json.loads(done.stdout)
    spaces = _library().Handle("odd-one-out", 1, 1, 1, ROOM).spec["observations"]
    text, verdicts = words_of(spaces)
    agent = Agent(spaces[0]["categories"], text["categories"], text["shape"][0] + 1)
    load(agent, file)
    batch, worst = unroll_of(file, spaces), 0.0
    state = tuple(file["state"].split(WIDTH, 1))
    print(f"{'':30} {'Stoa':>12} {'cell':>12} {'split':>12}")
    theirs = []
    for recurrence in ("cell", "split"):
        agent.zero_grad()
        wide = torch.autocast("cpu", torch.bfloat16, enabled=False)
        total, parts = losses(agent, batch, state, verdicts, recurrence, wide)
        total.backward()
        # two biases of one cell have one gradient
        grads = [p.grad for name, p in agent.named_parameters() if name != "core.bias_hh"]
        parts["grad_norm"] = torch.stack([g.norm() for g in grads]).norm()
        theirs.append({name: float(value.detach()) for name, value in parts.items()})
    for name in theirs[0]:
        values = [ours[name], theirs[0][name], theirs[1][name]]
        worst = max(worst, *(abs(v - values[0]) / max(abs(values[0]), 1e-2) for v in values[1:]))
        print(f"{name:30} {values[0]:12.6f} {values[1]:12.6f} {values[2]:12.6f}")
    cut = int(batch["cut"].sum())
    print(f"{cut} episodes cut off; largest difference: {worst:.1e} of the figure")
    return 1 if worst > 1e-4 else 0


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recurrence", choices=("cell", "split"), default="cell")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--unroll", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--check", action="store_true", help="compare one update's losses instead")
    parser.add_argument("--updates", type=int, default=4, help="of --check: the last is compared")
    parser.add_argument(
        "--overlay", default=os.path.join(HERE, "..", "build", "bench", "overlay_agent")
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    if args.check:
        return check(args)
    trainer = Trainer(args)
    start = time.perf_counter()
    while time.perf_counter() - start < min(2.0, args.seconds):
        trainer.update()
    trainer.world_seconds = 0.0
    updates, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        parts = trainer.update()
        updates += 1
    seconds = time.perf_counter() - start
    print(
        json.dumps(
            {
                "steps_per_second": updates * args.unroll * args.batch / seconds,
                "seconds": seconds,
                "updates": updates,
                "world_share": trainer.world_seconds / seconds,
                "property_loss": float(parts["explanations/property_loss"].detach()),
                "parameters": sum(p.numel() for p in trainer.agent.parameters()),
                "version": f"torch {torch.__version__}",
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
