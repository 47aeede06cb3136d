"""Many instances of one environment as a gymnasium.vector.VectorEnv.

Episodes reset themselves within the step that ends them (AutoresetMode.SAME_STEP): the observation
returned is the first of the next episode; the ended one's last observation is in
infos["final_obs"], its figures in infos["final_info"], each with the mask of the instances that
ended (`_final_obs`, `_final_info`).

The library writes straight into the arrays that are returned.
"""

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from . import spaces
from .library import Handle

_LARGEST_SEED = 2**63 - 1


def render_modes(spec):
    """What an environment with this specification can draw."""
    return ["rgb_array"] * (spec["render"][0] > 0) + ["ansi"] * spec["text"]


def check_render_mode(mode, spec):
    if mode is not None and mode not in render_modes(spec):
        known = " and ".join(render_modes(spec)) or "nothing"
        raise ValueError(f"{spec['name']} cannot render {mode!r}; it knows {known}")


class StoaVectorEnv(VectorEnv):
    """num_envs instances, stepped by one call of the library.

    copy=False returns the same arrays at every step, which the next step overwrites.
    """

    def __init__(
        self, name, num_envs=1, *, seed=None, threads=1, copy=True, render_mode=None, **settings
    ):
        if seed is not None:
            super().reset(seed=seed)
        first = self._draw_seed() if seed is None else int(seed)
        self._handle = Handle(name, num_envs, first, threads, settings)
        spec = self.stoa_spec = self._handle.spec
        check_render_mode(render_mode, spec)
        self.render_mode = render_mode
        self.metadata = {
            "autoreset_mode": AutoresetMode.SAME_STEP,
            "render_modes": render_modes(spec),
            "render_fps": 15,
        }
        self.num_envs = num_envs
        self.copy = copy
        self._observations, self._actions = spec["observations"], spec["actions"]
        self.targets = spaces.targets(self._observations)
        self.single_observation_space = spaces.joined(self._observations)
        self.single_action_space = spaces.joined(self._actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._finals = [spaces.empty(part, num_envs) for part in self._observations]
        for i, array in enumerate(self._finals):
            self._handle.point("final_observation", i, array)
        self._metrics = np.zeros((num_envs, len(spec["metrics"])), np.float32)
        self._handle.point("metric", -1, self._metrics)
        self._fresh_arrays()

    def _draw_seed(self):
        return int(self.np_random.integers(_LARGEST_SEED))

    def _fresh_arrays(self):
        n, point = self.num_envs, self._handle.point
        self._obs = [spaces.empty(part, n) for part in self._observations]
        for i, array in enumerate(self._obs):
            point("observation", i, array)
        self._rewards = np.empty(n, np.float32)
        point("reward", -1, self._rewards)
        self._terminated = np.empty(n, np.bool_)
        point("terminated", -1, self._terminated)
        self._truncated = np.empty(n, np.bool_)
        point("truncated", -1, self._truncated)
        if self.stoa_spec["events"]:
            self._events = np.empty(n, np.uint8)
            point("event", -1, self._events)

    def _infos(self):
        if not self.stoa_spec["events"]:
            return {}
        return {"event": self._events, "_event": np.ones(self.num_envs, np.bool_)}

    def reset(self, *, seed=None, options=None):
        """Begins a new episode everywhere. seed sets the streams of all instances."""
        if options and "reset_mask" in options:
            raise ValueError("episodes reset themselves in the step that ends them: no reset_mask")
        if seed is not None:
            super().reset(seed=seed)
            self._handle.seed(int(seed))
        if self.copy:
            self._fresh_arrays()
        self._handle.reset()
        return spaces.join(self._observations, self._obs), self._infos()

    def step(self, actions):
        """One step of every instance: observations, rewards, terminated, truncated, infos."""
        if self.copy:
            self._fresh_arrays()
        for i, array in enumerate(spaces.split(self._actions, actions, self.num_envs)):
            self._handle.point("action", i, array)
        self._handle.step()
        infos, ended = self._infos(), self._terminated | self._truncated
        if ended.any():
            self._add_final(infos, ended)
        observations = spaces.join(self._observations, self._obs)
        return observations, self._rewards, self._terminated, self._truncated, infos

    def _add_final(self, infos, ended):
        rows = np.flatnonzero(ended)
        finals = [array[rows] for array in self._finals]
        boxes = np.full(self.num_envs, None, object)
        for k, row in enumerate(rows):
            boxes[row] = spaces.join(self._observations, [array[k] for array in finals])
        infos["final_obs"], infos["_final_obs"] = boxes, ended
        figures = {}
        for m, name in enumerate(self.stoa_spec["metrics"]):
            there = ended & ~np.isnan(self._metrics[:, m])  # NaN: does not apply to the episode
            figures[name] = np.where(there, self._metrics[:, m], np.float32(0))
            figures["_" + name] = there
        if "event" in infos:
            figures["event"] = np.where(ended, self._events, np.uint8(0))
            figures["_event"] = ended.copy()
        infos["final_info"], infos["_final_info"] = figures, ended.copy()

    def render(self):
        """One picture (rgb_array) or text (ansi) an instance."""
        if self.render_mode is None:
            return None
        draw = self._handle.rgb if self.render_mode == "rgb_array" else self._handle.text
        return tuple(draw(i) for i in range(self.num_envs))

    def save(self):
        """The whole state as bytes, where the environment allows it."""
        return self._handle.save()

    def load(self, state):
        """Goes on from a saved state of an environment with the same settings and num_envs."""
        self._handle.load(state)

    def close_extras(self, **kwargs):
        self._handle.close()
