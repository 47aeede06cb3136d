"""stoa.make_vec against gymnasium.vector.SyncVectorEnv over stoa.make, in the same autoreset mode:
same shapes, same keys, same masks; the same values where the environment has no chance in it."""

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

import stoa


def alike(a, b, where):
    """The same structure, shapes and values (numbers may differ in width)."""
    if isinstance(a, dict):
        assert isinstance(b, dict) and a.keys() == b.keys(), (where, a, b)
        for key in a:
            alike(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, np.ndarray) and a.dtype == object:
        assert isinstance(b, np.ndarray) and b.dtype == object and a.shape == b.shape, where
        for i in range(len(a)):
            assert (a[i] is None) == (b[i] is None), (where, i)
            if a[i] is not None:
                alike(a[i], b[i], f"{where}[{i}]")
    else:
        a, b = np.asarray(a), np.asarray(b)
        kinds = [x.dtype.kind.replace("u", "i") for x in (a, b)]
        assert a.shape == b.shape and kinds[0] == kinds[1], (where, a, b)
        assert np.array_equal(a, b), (where, a, b)


n, settings = 5, {"steps": 12, "walk": 6}
ours = stoa.make_vec("chain", num_envs=n, seed=3, **settings)
theirs = SyncVectorEnv(
    [lambda: stoa.make("chain", **settings)] * n, autoreset_mode=AutoresetMode.SAME_STEP
)
assert isinstance(ours, VectorEnv) and ours.num_envs == n
assert ours.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
assert ours.single_observation_space == theirs.single_observation_space
assert ours.single_action_space == theirs.single_action_space
assert ours.observation_space == theirs.observation_space
assert ours.action_space == theirs.action_space

ours.action_space.seed(7)
a, b = ours.reset(seed=1), theirs.reset(seed=1)
alike(a[0], b[0], "reset")
alike(a[1], b[1], "reset infos")
ends = 0
for step in range(40):
    actions = ours.action_space.sample()
    a, b = ours.step(actions), theirs.step(actions)
    for part, x, y in zip(("obs", "reward", "terminated", "truncated", "infos"), a, b):
        alike(x, y, f"step {step} {part}")
    assert ours.observation_space.contains(a[0])
    ends += "final_obs" in a[4]
assert ends == 3, ends

# what was returned is the caller's for good, unless copies were waived
kept = ours.step(actions)[0]["time"]
before = kept.copy()
ours.step(actions)
assert np.array_equal(kept, before)
waived = stoa.make_vec("chain", num_envs=n, copy=False)
first = waived.reset(seed=1)[0]["time"]
assert waived.step(actions)[0]["time"] is first

# through Gymnasium's registry, by its own vector, and under its wrappers
registered = gymnasium.make_vec("stoa/Chain-v0", num_envs=3, steps=12, walk=6)
assert isinstance(registered, stoa.StoaVectorEnv)
wrapped = gymnasium.wrappers.vector.RecordEpisodeStatistics(registered)
wrapped.reset(seed=1)
for _ in range(12):
    infos = wrapped.step(wrapped.action_space.sample())[4]
assert list(infos["episode"]["l"]) == [12] * 3, infos
registered.close()
registered.close()

# a metric that does not apply to an episode is not there, as its mask says
odd = stoa.make_vec("odd-one-out", num_envs=8, seed=1)
assert odd.targets == ["explanation"]
odd.action_space.seed(3)
odd.reset()
for _ in range(200):
    infos = odd.step(odd.action_space.sample())[4]
    if "final_info" not in infos:
        continue
    final = infos["final_info"]
    masks = [final["_correct_" + name] for name in ("color", "texture", "shape", "position")]
    assert np.array_equal(sum(mask.astype(int) for mask in masks), final["_correct"].astype(int))
    assert all(np.isfinite(final[name]).all() for name in final), final
odd.close()

# equal seeds, equal batches, for any number of threads
for name in [entry["name"] for entry in stoa.list_environments() if not entry["id_wanted"]]:
    one = stoa.make_vec(name, num_envs=70, seed=11)
    two = stoa.make_vec(name, num_envs=70, seed=12, threads=2)
    one.reset(), two.reset(seed=11)
    for _ in range(50):
        actions = one.action_space.sample()
        for x, y in zip(one.step(actions), two.step(actions)):
            alike(x, y, name)

# many instances at once, wrong shapes and values refused
for wrong in (np.zeros(4, int), np.full(n, 2), np.zeros((n, 1), int), np.zeros(n)):
    try:
        ours.step(wrong)
        raise SystemExit(f"actions {wrong} were taken")
    except ValueError:
        pass
try:
    stoa.make_vec("chain", num_envs=0)
    raise SystemExit("no instances were taken")
except ValueError:
    pass
