"""gym:<id> against Gymnasium in this process: the same spaces, and the same dynamics to the bit (or
to float32). Stoa carries the environments to worker processes and back, through stoa.make_vec."""

import sys

import gymnasium
import numpy as np
from gymnasium import spaces

import stoa

python = {"python": sys.executable}

# ---- CartPole: what comes back follows from what was seen and done --------------------------

reference = gymnasium.make("CartPole-v1").unwrapped
reference.reset(seed=0)
last = []
for workers in (1, 2):
    envs = stoa.make_vec("gym:CartPole-v1", num_envs=5, seed=1, workers=workers, **python)
    assert envs.single_action_space == spaces.Discrete(2)
    assert envs.single_observation_space.shape == (4,)
    envs.action_space.seed(3)
    obs, _ = envs.reset(seed=2)
    lengths, ends = np.zeros(5), 0
    for _ in range(120):
        actions = envs.action_space.sample()
        before = obs
        obs, rewards, terminated, truncated, infos = envs.step(actions)
        lengths += 1
        for i in range(5):
            reference.state = before[i].astype(np.float64)
            reference.steps_beyond_terminated = None
            want, reward, over, _, _ = reference.step(int(actions[i]))
            got = infos["final_obs"][i] if terminated[i] else obs[i]
            assert np.allclose(got, want, atol=1e-5), (got, want)
            assert rewards[i] == reward and terminated[i] == over and not truncated[i]
            if over:
                assert infos["final_info"]["length"][i] == lengths[i]
                assert infos["final_info"]["return"][i] == lengths[i]
                assert np.abs(obs[i]).max() <= 0.05
                lengths[i], ends = 0, ends + 1
    assert ends > 5, ends
    last.append(obs)
    envs.close()
assert np.array_equal(*last)  # whoever steps them

# ---- every kind of space --------------------------------------------------------------------

# the worker imports zoo.py, by the part of the id before the colon
envs = stoa.make_vec("gym:zoo:Zoo-v0", num_envs=3, workers=2, **python)
kinds = envs.single_observation_space.spaces
assert kinds["count"] == spaces.Discrete(7) and kinds["dials"].nvec.tolist() == [5, 5]
assert kinds["grey"].shape == (4, 5, 1) and kinds["numbers"].dtype == np.float32
assert set(envs.single_action_space.spaces) == {"kind", "push", "dials.0", "dials.1", "on"}
obs, _ = envs.reset(seed=1)
assert (obs["count"] == 0).all() and (obs["grey"] == 100).all()
actions = {
    "kind": np.array([0, 1, 2]),
    "push": np.array([[-1, 0.5], [1, 2], [0.25, -1]], np.float32),
    "dials.0": np.array([0, 1, 2]),
    "dials.1": np.array([4, 3, 0]),
    "on": np.array([[0, 1], [1, 1], [0, 0]]),
}
obs, rewards, _, _, infos = envs.step(actions)
assert (rewards == 0.5).all() and "final_obs" not in infos
assert obs["count"].tolist() == [1, 1, 1] and (obs["pixels"] == 1).all()
assert obs["numbers"][:, 0].tolist() == [[1, -1], [1, 0], [1, 1]]
assert obs["numbers"][:, 1].tolist() == [[-1, 0.5], [1, 2], [0.25, 0]]  # clipped to its own
assert obs["switches"].tolist() == [[1, 0, 1], [1, 1, 1], [1, 0, 0]]
assert obs["dials"].tolist() == [[0, 4], [1, 3], [2, 0]]
assert bytes(obs["both.1"][1]).rstrip(b"\0").decode() == "\u00e9b"
envs.step(actions)
obs, _, terminated, _, infos = envs.step(actions)
assert terminated.all() and (obs["count"] == 0).all()
assert infos["final_obs"][2]["count"] == 3 and (infos["final_obs"][2]["pixels"] == 3).all()
assert infos["final_info"]["return"].tolist() == [1.5] * 3
envs.close()

# what is missing or wrong is said
for name, settings, words in (
    ("gym:NoSuchThing-v0", {}, "gymnasium cannot make 'NoSuchThing-v0'"),
    ("gym:CartPole-v1", {"kwargs": {"colour": 3}}, "colour"),
    ("gym:CartPole-v1", {"workers": -1}, "workers"),
):
    try:
        stoa.make_vec(name, 1, **python, **settings)
        raise SystemExit(f"{name} was made")
    except (ValueError, stoa.StoaError) as error:
        assert words in str(error), error
