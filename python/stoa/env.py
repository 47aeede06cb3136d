"""One environment as a gymnasium.Env, for tools that step one at a time."""

import gymnasium
import numpy as np
from gymnasium.error import ResetNeeded

from . import spaces
from .library import Handle
from .vector import _LARGEST_SEED, check_render_mode, render_modes


class StoaEnv(gymnasium.Env):
    """A batch of one. The library begins the next episode within the step that ends one; its first
    observation is kept for the reset that follows, so render() then shows the new episode."""

    # what the bridge can pass on; an instance names what its environment can draw
    metadata = {"render_modes": ["rgb_array", "ansi"], "render_fps": 15}

    def __init__(self, name, *, seed=None, render_mode=None, **settings):
        if seed is not None:
            super().reset(seed=seed)
        first = int(self.np_random.integers(_LARGEST_SEED)) if seed is None else int(seed)
        self._handle = Handle(name, 1, first, 1, settings)
        spec = self.stoa_spec = self._handle.spec
        check_render_mode(render_mode, spec)
        self.render_mode = render_mode
        self.metadata = {"render_modes": render_modes(spec), "render_fps": 15}
        self._observations, self._actions = spec["observations"], spec["actions"]
        self.targets = spaces.targets(self._observations)
        self.observation_space = spaces.joined(self._observations)
        self.action_space = spaces.joined(self._actions)
        point = self._handle.point
        self._obs = [spaces.empty(part, 1) for part in self._observations]
        self._finals = [spaces.empty(part, 1) for part in self._observations]
        for i in range(len(self._obs)):
            point("observation", i, self._obs[i])
            point("final_observation", i, self._finals[i])
        self._flags = {
            part: np.zeros(1, dtype)
            for part, dtype in (
                ("reward", np.float32),
                ("terminated", np.bool_),
                ("truncated", np.bool_),
                ("event", np.uint8),
            )
        }
        for part, array in self._flags.items():
            point(part, -1, array)
        self._metrics = np.zeros((1, len(spec["metrics"])), np.float32)
        point("metric", -1, self._metrics)
        self._running, self._waiting = False, False

    def _observe(self, arrays):
        return spaces.join(
            self._observations,
            [
                np.int64(array[0]) if array.ndim == 1 and part["kind"] == "categories"
                # a number stands in an array of no dimensions, as its Box wants
                else np.array(array[0])
                for part, array in zip(self._observations, arrays)
            ],
        )

    def _info(self):
        return {"event": int(self._flags["event"][0])} if self.stoa_spec["events"] else {}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self._handle.seed(int(seed))
        if seed is not None or not self._waiting:
            self._handle.reset()
        self._running, self._waiting = True, False
        return self._observe(self._obs), self._info()

    def step(self, action):
        if not self._running:
            raise ResetNeeded("call reset before the first step and after the end of an episode")
        if isinstance(action, dict):
            batch = {key: np.asarray(value)[None] for key, value in action.items()}
        else:
            batch = np.asarray(action)[None]
        for i, array in enumerate(spaces.split(self._actions, batch, 1)):
            self._handle.point("action", i, array)
        self._handle.step()
        terminated = bool(self._flags["terminated"][0])
        truncated = bool(self._flags["truncated"][0])
        info = self._info()
        over = terminated or truncated
        if over:
            self._running, self._waiting = False, True
            for m, name in enumerate(self.stoa_spec["metrics"]):
                if not np.isnan(self._metrics[0, m]):  # else it does not apply to the episode
                    info[name] = float(self._metrics[0, m])
        observation = self._observe(self._finals if over else self._obs)
        return observation, float(self._flags["reward"][0]), terminated, truncated, info

    def render(self):
        if self.render_mode is None:
            return None
        return self._handle.rgb(0) if self.render_mode == "rgb_array" else self._handle.text(0)

    def save(self):
        """The whole state as bytes, where the environment allows it."""
        return self._handle.save()

    def load(self, state):
        """Goes on from a saved state of an environment with the same settings."""
        self._handle.load(state)

    def close(self):
        self._handle.close()
