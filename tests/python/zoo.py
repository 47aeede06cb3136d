"""An environment with every kind of space, for check_bridge.py; its workers import it."""

import gymnasium
import numpy as np
from gymnasium import spaces


class Zoo(gymnasium.Env):
    """Observes what it was told to do, in every kind of space; ends after three steps."""

    observation_space = spaces.Dict(
        {
            "count": spaces.Discrete(7, start=2),
            "pixels": spaces.Box(0, 255, (4, 5, 3), np.uint8),
            "grey": spaces.Box(0, 255, (4, 5), np.uint8),
            "numbers": spaces.Box(-3.0, 3.0, (2, 2), np.float64),
            "switches": spaces.MultiBinary(3),
            "dials": spaces.MultiDiscrete([3, 5]),
            "both": spaces.Tuple([spaces.Discrete(4), spaces.Text(4, charset="abcd\u00e9")]),
        }
    )
    action_space = spaces.Dict(
        {
            "kind": spaces.Discrete(3, start=-1),
            "push": spaces.Box(np.array([-1, 0], np.float32), np.array([1, 2], np.float32)),
            "dials": spaces.MultiDiscrete([3, 5]),
            "on": spaces.MultiBinary(2),
        }
    )

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return self.observe(None), {}

    def observe(self, action):
        t = self.t
        kind, dials = (0, [0, 0]) if action is None else (action["kind"], action["dials"])
        push, on = (0, 0) if action is None else (action["push"], action["on"])
        return {
            "count": 2 + t,
            "pixels": np.full((4, 5, 3), t, np.uint8),
            "grey": np.full((4, 5), 100 + t, np.uint8),
            "numbers": np.array([[t, kind], [0, 0]]) + np.array([[0, 0], np.ones(2) * push]),
            "switches": np.array([t % 2, *(np.zeros(2, np.int8) + on)]),
            "dials": np.array(dials),
            "both": (t, "\u00e9b"),
        }

    def step(self, action):
        assert self.action_space.contains(action), action
        self.t += 1
        return self.observe(action), 0.5, self.t == 3, False, {}


gymnasium.register("Zoo-v0", Zoo)
