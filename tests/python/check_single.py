"""stoa.make: every environment of the library passes Gymnasium's checker and what it leaves out."""

import warnings

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

import stoa

names = [entry["name"] for entry in stoa.list_environments() if not entry["id_wanted"]]
assert "chain" in names, names

for name in names:
    with warnings.catch_warnings():
        # Gymnasium remarks on unbounded and unusually shaped boxes; both are allowed
        warnings.simplefilter("ignore", UserWarning)
        env = gymnasium.make(stoa.gymnasium_id(name))
        check_env(env.unwrapped)
    env.close()
    env.close()

# a settings text reaches the environment, a wrong one comes back as ValueError with its remedy
env = stoa.make("chain", seed=5, steps=20, walk=4, time=False)
assert isinstance(env.observation_space, gymnasium.spaces.MultiDiscrete), env.observation_space
assert env.action_space == gymnasium.spaces.Discrete(2)
for wrong, word in (({"stepz": 3}, "steps"), ({"steps": -1}, "steps"), ({"steps": "x"}, "steps")):
    try:
        stoa.make("chain", **wrong)
        raise SystemExit(f"{wrong} was taken")
    except ValueError as error:
        assert word in str(error), error
try:
    stoa.make("chian")
    raise SystemExit("chian was taken")
except ValueError as error:
    assert "did you mean 'chain'" in str(error), error

# targets are observations with a mark
odd = stoa.make("odd-one-out", seed=5, concept="any")
assert odd.targets == ["explanation"] and env.targets == [], odd.targets
assert odd.reset()[0]["explanation"].shape == (10,)
assert stoa.make("odd-one-out", heard=True).targets == []
over = False
while not over:
    *_, terminated, truncated, info = odd.step(odd.action_space.sample())
    over = terminated or truncated
by_concept = [name for name in info if name.startswith("correct_")]
assert len(by_concept) == 1 and info[by_concept[0]] == info["correct"], info
odd.close()

# an episode ends once, waits for its reset, and says what it was worth
env.reset(seed=1)
steps = 0
while True:
    _, reward, terminated, truncated, info = env.step(0)
    steps += 1
    if terminated or truncated:
        break
assert steps == 20 and terminated and not truncated and reward in (-1, 1), (steps, reward)
assert info["visited"] == (reward == 1), info
try:
    env.step(0)
    raise SystemExit("a step after the end was taken")
except gymnasium.error.ResetNeeded:
    pass
observation, _ = env.reset()
assert env.observation_space.contains(observation)

# what is not an action is refused before the library sees it as one
for wrong in (2, -1, 2**40, 0.5, [0, 1]):
    try:
        env.step(wrong)
        raise SystemExit(f"action {wrong} was taken")
    except ValueError:
        pass

# drawing
env = stoa.make("chain", render_mode="ansi")
env.reset(seed=1)
assert "@" in env.render()
try:
    stoa.make("chain", render_mode="rgb_array")
    raise SystemExit("chain has no pixels")
except ValueError as error:
    assert "ansi" in str(error), error

# a saved state goes on as the original does
env = stoa.make("chain", seed=9)
env.reset()
state = env.save()
first = [env.step(a)[0]["position"].item() for a in (0, 0, 1)]
env.load(state)
assert first == [env.step(a)[0]["position"].item() for a in (0, 0, 1)]
env.close()
try:
    env.step(0)
    raise SystemExit("a closed environment stepped")
except stoa.StoaError:
    pass
