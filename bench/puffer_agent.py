"""PufferLib (pip install pufferlib) on Stoa's Catch: its own trainer with its LSTM wrapper on the
CPU, the network, batch and unroll of pytorch_agent.py, one pass over each batch (its default).
The world steps in the same process, as its documentation advises where stepping is cheap.

Prints one JSON object: environment steps a second, after warm-up; its dashboard is not shown.
docs/bench.md says how it installs.

    python bench/puffer_agent.py --threads 2 --seconds 10
"""

import argparse
import json
import os
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version

import gymnasium
import numpy as np

_scratch = tempfile.TemporaryDirectory()
os.chdir(_scratch.name)  # pufferlib leaves a link called resources wherever it is imported

import pufferlib
import pufferlib.models
import pufferlib.pufferl
import pufferlib.vector
import torch

from peer_env import ACTIONS, NUMBERS, StoaCatch


class World(pufferlib.PufferEnv):
    def __init__(self, count=256, buf=None, seed=0):
        self.single_observation_space = gymnasium.spaces.Box(0, 1, (NUMBERS,), np.float32)
        self.single_action_space = gymnasium.spaces.Discrete(ACTIONS)
        self.num_agents = count
        super().__init__(buf)
        self._world = StoaCatch(count, 1 + (seed or 0))

    def reset(self, seed=None):
        self.observations[:] = self._world.reset()
        return self.observations, []

    def step(self, actions):
        observations, rewards, ended = self._world.step(actions)
        self.observations[:] = observations
        self.rewards[:] = rewards
        self.terminals[:] = ended
        return self.observations, self.rewards, self.terminals, self.truncations, []

    def close(self):
        pass


def quiet(*_, **__):
    pass


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--core", choices=("none", "lstm"), default="lstm")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--unroll", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10.0)
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    torch.set_num_threads(args.threads)
    rows = args.batch * args.unroll
    config = {
        "name": "catch",
        "project": "catch",
        "env": "catch",
        "seed": 1,
        "torch_deterministic": True,
        "cpu_offload": False,
        "device": "cpu",
        "optimizer": "adam",
        "anneal_lr": False,
        "precision": "float32",
        "total_timesteps": 10**12,
        "learning_rate": 5e-4,
        "gamma": 0.97,
        "gae_lambda": 1.0,
        "update_epochs": 1,
        "clip_coef": 0.2,
        "vf_coef": 0.5,
        "vf_clip_coef": 0.2,
        "max_grad_norm": 40.0,
        "ent_coef": 0.01,
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_eps": 1e-5,
        "data_dir": "experiments",
        "checkpoint_interval": 10**12,
        "batch_size": rows,
        "minibatch_size": rows,
        "max_minibatch_size": rows,
        "bptt_horizon": args.unroll,
        "compile": False,
        "compile_mode": "default",
        "compile_fullgraph": True,
        "vtrace_rho_clip": 1.0,
        "vtrace_c_clip": 1.0,
        "prio_alpha": 0.0,
        "prio_beta0": 1.0,
        "use_rnn": args.core == "lstm",
    }
    pufferlib.pufferl.PuffeRL.print_dashboard = quiet
    pufferlib.pufferl.ADVANTAGE_CUDA = False
    worlds = pufferlib.vector.make(
        World,
        num_envs=1,
        env_kwargs={"count": args.batch},
        backend=pufferlib.vector.Serial,
    )
    policy = pufferlib.models.Default(worlds.driver_env, hidden_size=args.width)
    if args.core == "lstm":
        policy = pufferlib.models.LSTMWrapper(worlds.driver_env, policy, args.width, args.width)
    trainer = pufferlib.pufferl.PuffeRL(config, worlds, policy)

    def train(seconds):
        first, start = trainer.global_step, time.perf_counter()
        while time.perf_counter() - start < seconds:
            trainer.evaluate()
            trainer.train()
        return trainer.global_step - first, time.perf_counter() - start

    train(min(2.0, args.seconds))
    steps, seconds = train(args.seconds)
    try:
        number = version("pufferlib")
    except PackageNotFoundError:  # built in place
        number = pufferlib.__version__
    result = {
        "steps_per_second": steps / seconds,
        "seconds": seconds,
        "parameters": sum(p.numel() for p in policy.parameters()),
        "version": f"pufferlib {number}, torch {torch.__version__}",
    }
    print(json.dumps(result), flush=True)
    _scratch.cleanup()
    os._exit(0)  # its threads do not end by themselves


if __name__ == "__main__":
    sys.exit(main())
