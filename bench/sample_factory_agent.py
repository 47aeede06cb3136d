"""Sample Factory (pip install sample-factory) on Stoa's Catch: its APPO, the network,
batch and unroll of pytorch_agent.py, and the CPU settings its documentation recommends: a worker a
core, two splits a worker so that one acts while the other steps, batched sampling.

Prints one JSON object: environment steps a second that its learner consumed, after warm-up. What
Sample Factory itself prints goes to standard error.

    python bench/sample_factory_agent.py --threads 2 --seconds 10
"""

import argparse
import json
import os
import sys
import tempfile
import time

import gymnasium
import numpy as np
from sample_factory.algo.runners.runner import AlgoObserver
from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args
from sample_factory.envs.env_utils import register_env
from sample_factory.train import make_runner

from peer_env import ACTIONS, NUMBERS, StoaCatch

NAME = "stoa-catch"


class Agents(gymnasium.Env):
    """A batch of instances, as Sample Factory knows vectors: one environment with many agents."""

    render_mode = None

    def __init__(self, count, seed):
        self.observation_space = gymnasium.spaces.Box(0, 1, (NUMBERS,), np.float32)
        self.action_space = gymnasium.spaces.Discrete(ACTIONS)
        self.num_agents, self.is_multiagent = count, True
        self._world = StoaCatch(count, seed)
        self._cut = np.zeros(count, np.bool_)

    def reset(self, **_):
        return self._world.reset(), {}

    def step(self, actions):
        observations, rewards, ended = self._world.step(np.asarray(actions).reshape(-1))
        return observations, rewards, ended, self._cut, {}


def make(full_env_name, cfg=None, env_config=None, render_mode=None):
    """One split's instances."""
    count = cfg.batch_size // cfg.rollout // (cfg.num_workers * cfg.worker_num_splits)
    return Agents(count, 1 + (env_config.env_id if env_config else 0))


class Clock(AlgoObserver):
    """Steps that the learner has consumed, and when."""

    def __init__(self, warmup, seconds):
        self.warmup, self.seconds, self.first, self.marks = warmup, seconds, None, []

    def on_training_step(self, runner, training_iteration_since_resume):
        now, steps = time.perf_counter(), sum(runner.env_steps.values())
        self.first = self.first or now
        if now - self.first < self.warmup:
            return
        self.marks.append((now, steps))
        if now - self.marks[0][0] >= self.seconds:
            runner.cfg.train_for_env_steps = 0  # enough


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--core", choices=("none", "lstm"), default="lstm")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--batch", type=int, default=256, help="instances in all")
    parser.add_argument("--unroll", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2, help="workers; also the CPUs it may use")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--warmup", type=float, default=5.0)
    args = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads])
    splits, out = 2, os.dup(1)
    os.dup2(2, 1)  # its log
    register_env(NAME, make)
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "env": NAME,
            "experiment": "catch",
            "train_dir": folder,
            "device": "cpu",
            "seed": 1,
            "async_rl": True,
            "serial_mode": False,
            "batched_sampling": True,
            "num_workers": args.threads,
            "num_envs_per_worker": splits,
            "worker_num_splits": splits,
            "set_workers_cpu_affinity": False,
            "rollout": args.unroll,
            "recurrence": args.unroll,
            "batch_size": args.batch * args.unroll,
            "num_batches_per_epoch": 1,
            "num_epochs": 1,
            "use_rnn": args.core == "lstm",
            "rnn_type": "lstm",
            "rnn_size": args.width,
            "nonlinearity": "relu",
            "normalize_input": False,
            "normalize_returns": False,
            "gamma": 0.97,
            "learning_rate": 5e-4,
            "max_grad_norm": 40.0,
            "save_every_sec": 10**6,
            "save_best_every_sec": 10**6,
            "decorrelate_envs_on_one_worker": False,
            "log_to_file": False,
        }
        words = [f"--{key}={value}" for key, value in options.items()]
        words += ["--encoder_mlp_layers", str(args.width)]
        cfg, runner = make_runner(parse_full_cfg(parse_sf_args(words)[0], words))
        clock = Clock(args.warmup, args.seconds)
        runner.register_observer(clock)
        runner.init()
        runner.run()
    (begin, first), (end, last) = clock.marks[0], clock.marks[-1]
    from importlib.metadata import version

    result = {
        "steps_per_second": (last - first) / (end - begin),
        "seconds": end - begin,
        "version": f"sample-factory {version('sample-factory')}, torch {version('torch')}",
    }
    os.write(out, (json.dumps(result) + "\n").encode())


if __name__ == "__main__":
    sys.exit(main())
