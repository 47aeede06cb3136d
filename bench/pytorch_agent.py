"""The PyTorch peer of Stoa's agents: V-trace with an LSTM on Catch, written as a good practitioner
would for a CPU: batched world, everything allocated once, acting without autograd, fused Adam.

The network is the one of bench/agents/*.yaml: 52 numbers -> ReLU layers of --encoder -> LSTM of
--width (or nothing) -> 3 logits and a value. Learning runs over T + 1 rows of B instances; episodes
may begin anywhere within an unroll. The LSTM is told so in one of two ways:

    pieces  nn.LSTM over each piece between two rows where any episode begins (the default)
    cell    one cell a row, its state masked: what TorchBeast and CleanRL do

Prints one JSON object: environment steps a second of acting and learning together, after warm-up.

    python3 bench/pytorch_agent.py --threads 1 --seconds 10
"""

import argparse
import json
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

from peer_env import ACTIONS, NUMBERS, WORLDS


class Agent(nn.Module):
    def __init__(self, encoder, core, width):
        super().__init__()
        layers, n = [], NUMBERS
        for m in encoder:
            layers += [nn.Linear(n, m), nn.ReLU()]
            n = m
        self.encoder = nn.Sequential(*layers)
        self.core = nn.LSTM(n, width) if core == "lstm" else None
        n = width if self.core else n
        self.policy, self.value = nn.Linear(n, ACTIONS), nn.Linear(n, 1)
        nn.init.orthogonal_(self.policy.weight, 0.01)

    def decide(self, x):
        return self.policy(x), self.value(x).squeeze(-1)

    def act(self, x, alive, state):  # x (B, N), alive (B, 1): 0 where an episode begins
        x = self.encoder(x)
        if self.core:
            h, c = state
            state = torch.lstm_cell(x, (h * alive, c * alive), *self.core.all_weights[0])
            x = state[0]
        return *self.decide(x), state

    def pieces(self, x, alive, state):
        begins = [t for t in range(len(x)) if t > 0 and not bool(alive[t].all())] + [len(x)]
        outs, t = [], 0
        for end in begins:
            h, c = state
            out, (h, c) = self.core(x[t:end], ((h * alive[t])[None], (c * alive[t])[None]))
            outs.append(out)
            state, t = (h[0], c[0]), end
        return torch.cat(outs)

    def cells(self, x, alive, state):
        outs = []
        for t in range(len(x)):
            h, c = state
            state = torch.lstm_cell(x[t], (h * alive[t], c * alive[t]), *self.core.all_weights[0])
            outs.append(state[0])
        return torch.stack(outs)

    def learn(self, x, alive, state, recurrence):  # x (T + 1, B, N), alive (T + 1, B, 1)
        x = self.encoder(x)
        if self.core:
            x = (self.pieces if recurrence == "pieces" else self.cells)(x, alive, state)
        return self.decide(x)


@torch.no_grad()
def vtrace(log_rho, discounts, rewards, values, bootstrap):
    """Espeholt et al. 2018, both clips and lambda 1: targets and advantages (T, B)."""
    rho = log_rho.exp().clamp(max=1)
    after = torch.cat((values[1:], bootstrap[None]))
    deltas = rho * (rewards + discounts * after - values)
    traces, sums = discounts * rho, torch.empty_like(deltas)
    total = torch.zeros_like(bootstrap)
    for t in reversed(range(len(deltas))):
        total = deltas[t] + traces[t] * total
        sums[t] = total
    targets = sums + values
    after = torch.cat((targets[1:], bootstrap[None]))
    return targets, rho * (rewards + discounts * after - values)


class Trainer:
    def __init__(self, args):
        t, b = args.unroll, args.batch
        self.args = args
        self.world = WORLDS[args.world](b)
        self.agent = Agent(args.encoder, args.core, args.width)
        self.optimizer = torch.optim.Adam(self.agent.parameters(), lr=5e-4, eps=1e-5, fused=True)
        self.observations = torch.zeros(t + 1, b, NUMBERS)
        self.alive = torch.zeros(t + 1, b, 1)
        self.actions = torch.zeros(t, b, dtype=torch.long)
        self.rewards, self.log_probs = torch.zeros(t, b), torch.zeros(t, b)
        self.state = (torch.zeros(b, args.width), torch.zeros(b, args.width))
        self.observations[t] = torch.from_numpy(self.world.reset())
        self.world_seconds = 0.0

    def narrow(self):
        """Products in bf16 where that was asked for; results are used as f32."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.args.precision == "bf16")

    @torch.inference_mode()
    def collect(self):
        self.observations[0] = self.observations[-1]
        self.alive[0] = self.alive[-1]
        for t in range(self.args.unroll):
            with self.narrow():
                logits, _, self.state = self.agent.act(
                    self.observations[t], self.alive[t], self.state
                )
            log_probs = F.log_softmax(logits.float(), -1)
            actions = torch.multinomial(log_probs.exp(), 1)
            self.actions[t] = actions[:, 0]
            self.log_probs[t] = log_probs.gather(1, actions)[:, 0]
            before = time.perf_counter()
            observations, rewards, ended = self.world.step(actions[:, 0].numpy())
            self.world_seconds += time.perf_counter() - before
            self.observations[t + 1] = torch.from_numpy(observations)
            self.rewards[t] = torch.from_numpy(rewards)
            self.alive[t + 1, :, 0] = torch.from_numpy(~ended)

    def update(self):
        first = tuple(s.clone() for s in self.state)
        self.collect()
        with self.narrow():
            logits, values = self.agent.learn(
                self.observations, self.alive, first, self.args.recurrence
            )
        logits, values = logits.float(), values.float()
        log_policy = F.log_softmax(logits[:-1], -1)
        log_probs = log_policy.gather(-1, self.actions[..., None])[..., 0]
        detached = values.detach()
        targets, advantages = vtrace(
            log_probs.detach() - self.log_probs,
            0.97 * self.alive[1:, :, 0],
            self.rewards,
            detached[:-1],
            detached[-1],
        )
        entropy = -(log_policy.exp() * log_policy).sum()
        policy_loss = -(log_probs * advantages).sum()
        value_loss = (values[:-1] - targets).square().sum()
        self.optimizer.zero_grad(set_to_none=True)
        (policy_loss + 0.25 * value_loss - 0.01 * entropy).backward()
        nn.utils.clip_grad_norm_(self.agent.parameters(), 40.0)
        self.optimizer.step()
        return float(self.rewards.sum())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--core", choices=("none", "lstm"), default="lstm")
    parser.add_argument("--width", type=int, default=128, help="of the LSTM")
    parser.add_argument("--encoder", default="128", help="widths of the ReLU layers, by commas")
    parser.add_argument("--recurrence", choices=("pieces", "cell"), default="pieces")
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--unroll", type=int, default=20)
    parser.add_argument("--world", choices=WORLDS, default="stoa")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    args.encoder = [int(width) for width in args.encoder.split(",")]
    torch.set_num_threads(args.threads)
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    trainer = Trainer(args)
    start = time.perf_counter()
    while time.perf_counter() - start < min(2.0, args.seconds):
        trainer.update()
    trainer.world_seconds = 0.0
    updates, paid, start = 0, 0.0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        paid += trainer.update()
        updates += 1
    seconds = time.perf_counter() - start
    steps = updates * args.unroll * args.batch
    print(
        json.dumps(
            {
                "steps_per_second": steps / seconds,
                "seconds": seconds,
                "updates": updates,
                "world_share": trainer.world_seconds / seconds,
                "catch_rate": paid / (steps / 10),
                "parameters": sum(p.numel() for p in trainer.agent.parameters()),
                "version": f"torch {torch.__version__}",
            }
        )
    )


if __name__ == "__main__":
    main()
