"""gym:ALE/... pixel for pixel against Gymnasium's AtariPreprocessing and FrameStackObservation."""

import pathlib
import sys

import ale_py
import gymnasium
import numpy as np
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation

import stoa

gymnasium.register_envs(ale_py)
plain = {"python": sys.executable, "noop_max": 0}
certain = {"repeat_action_probability": 0.0}


def reference(game, stack=4, **settings):
    env = gymnasium.make(f"ALE/{game}-v5", frameskip=1, **certain)
    env = AtariPreprocessing(env, noop_max=0, **settings)
    return FrameStackObservation(env, stack, padding_type="reset")


# no chance in it: every episode is the same for the same actions
for game, stack, steps in (("Pong", 4, 150), ("Skiing", 1, 60), ("Breakout", 2, 60)):
    envs = stoa.make_vec(
        f"gym:ALE/{game}-v5", 2, seed=1, frame_stack=stack, kwargs=certain, workers=1, **plain
    )
    want = reference(game, stack)
    assert envs.single_action_space == want.action_space
    obs, _ = envs.reset(seed=1)
    seen, _ = want.reset(seed=1)
    choose = np.random.default_rng(4)
    for step in range(steps):
        for picture in obs:
            off = np.abs(picture.astype(int) - np.moveaxis(seen, 0, -1).astype(int))
            assert off.max() == 0, (game, step, off.max())
        move = choose.integers(want.action_space.n)
        obs, rewards, terminated, truncated, _ = envs.step(np.full(2, move))
        seen, reward, over, cut, _ = want.step(move)
        assert (rewards == reward).all() and not (over or cut or terminated.any())
    envs.close()

# a life ends an episode, the game goes on; the score stays whole where the reward is clipped
envs = stoa.make_vec(
    "gym:ALE/Breakout-v5",
    2,
    seed=1,
    kwargs=certain,
    episodic_life=True,
    fire_reset=True,
    clip_reward=True,
    workers=1,
    **plain,
)
envs.reset(seed=1)
choose, ends = np.random.default_rng(1), 0
for _ in range(400):
    _, rewards, terminated, _, infos = envs.step(choose.integers(0, 4, 2))
    assert set(np.unique(rewards)) <= {-1, 0, 1}
    ends += terminated.sum()
assert ends > 5, ends
picture = stoa.make_vec(
    "gym:ALE/Breakout-v5", 1, render_mode="rgb_array", kwargs=certain, **plain
)
picture.reset(seed=1)
assert picture.render()[0].shape == (210, 160, 3) and picture.render()[0].max() > 0

# the limit of frames truncates; Skiing pays what it owes only at its end
envs = stoa.make_vec("gym:ALE/Skiing-v5", 1, max_frames=41, **plain)
envs.reset(seed=1)
for step in range(11):
    _, _, terminated, truncated, _ = envs.step(np.zeros(1, int))
    assert truncated.any() == (step == 10) and not terminated.any(), step
envs.close()

# without cv2 the pictures differ by rounding at most
parts = (pathlib.Path("src/env") / name for name in ("gym_spaces.py", "gym_atari.py"))
worker = {}
exec("".join(part.read_text() for part in parts), worker)
cv2 = sys.modules.pop("cv2")
sys.modules["cv2"] = None  # as if it were not installed
shrink = worker["resizer"](210, 160, 84)
sys.modules["cv2"] = cv2
noise = np.random.default_rng(0).integers(0, 256, (210, 160)).astype(np.uint8)
own = np.empty((84, 84), np.uint8)
shrink(noise, own)
off = np.abs(own.astype(int) - cv2.resize(noise, (84, 84), interpolation=cv2.INTER_AREA))
assert off.max() <= 1 and (off > 0).mean() < 0.02, (off.max(), (off > 0).mean())
