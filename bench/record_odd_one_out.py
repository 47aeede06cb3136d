"""Records episodes of the public odd-one-out program, for tests/env/test_odd_one_out_public.c.

    python record_odd_one_out.py PACKAGE EPISODES SEED > episodes.txt
    STOA_ODD_ONE_OUT=episodes.txt build/tests/env/test_odd_one_out_public

PACKAGE: a checkout of google-deepmind/tell_me_why_explanations_rl. Wants pycolab 1.2, dm-env, absl-py,
xxhash and numpy before 1.24 (pycolab is older than what followed).

A line each: "episode LEVEL CONCEPT EXPLANATIONS"; "trial" with all that chance decided in it; "frame"
with what a step did: action, reward, whether the episode ended, a hash of the picture, what was read
and said. The first frame of a trial has action -1.
"""

import collections
import collections.abc
import os
import sys

for name in ("Mapping", "Sequence"):
    setattr(collections, name, getattr(collections.abc, name))

import numpy as np  # noqa: E402
import xxhash  # noqa: E402

out, sys.stdout = sys.stdout, open(os.devnull, "w")  # the program prints as it goes
package, episodes, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.path.insert(0, package)
from tell_me_why_explanations_rl import odd_one_out_environment as public  # noqa: E402
from tell_me_why_explanations_rl import odd_one_out_environment_core as core  # noqa: E402

COLORS, TEXTURES, SHAPES = list(public.COLORS), public.OBJECT_TEXTURES, public.OBJECT_SHAPES
PLACES = list(core.OBJECT_POSITIONS)
MOVES = [(-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1)]
LEVELS = ["basic", "confounded", "deconfounded", "easy", "hard1", "hard2", "hard3"]
rng = np.random.default_rng(seed)
np.random.seed(seed)


def make(level, concept, explain):
    own = np.random.default_rng(int(rng.integers(2**32)))
    if level == "basic":
        return public.builder(concept, explain, rng=own)
    if level.endswith("confounded"):
        return public.confounding_builder(level, concept, explain, rng=own)
    return public.metalearning_builder(3, level, concept, explain, rng=own)


def game_of(env):
    game = env._current_game
    return getattr(game, "current_game", game)


def objects_of(env):
    return [game_of(env).things[c] for c in core.POSSIBLE_OBJECT_CHARS[:4]]


def agent_of(env):
    return tuple(game_of(env).things[core.AGENT_CHAR].position)


def mask_rows(template):
    """Nine numbers: bit j of row i is whether the pixel is on."""
    on = template.any(axis=2)
    return [sum(1 << j for j in range(9) if on[i, j]) for i in range(9)]


def trial_line(env):
    objects, plot = objects_of(env), game_of(env).the_plot
    numbers = [*agent_of(env)]
    for thing in objects:
        row, col = thing.position
        place = next(i for i, p in enumerate(PLACES) if (row, col) in core.OBJECT_POSITIONS[p])
        numbers += [row, col, COLORS.index(thing.color), TEXTURES.index(thing.texture)]
        numbers += [SHAPES.index(thing.shape), place]
    right = [i for i, thing in enumerate(objects) if thing.value > 0]
    numbers.append(right[0] if right else 4)
    for name, values in (("color", COLORS), ("texture", TEXTURES), ("shape", SHAPES)):
        present = plot.get("extant_attributes", {}).get(name) or {getattr(t, name) for t in objects}
        pair = sorted(values.index(v) for v in present)
        numbers += pair if len(pair) == 2 else pair * 2
    for thing in objects:
        numbers += noise[0] if noise else mask_rows(env._char_to_template[thing.character])
    return "trial " + " ".join(str(int(n)) for n in numbers)


def frame_line(action, step):
    image = np.rint(step.observation[0] * 255).astype(np.uint8)
    texts = [str(text) for text in step.observation[1:]]
    said, read = texts[0], texts[1] if len(texts) > 1 else ""
    reward = 0 if step.reward is None else int(step.reward)
    ended = int(step.last()) if step.discount != 1 else 2 * int(step.last())
    return f"frame {action} {reward} {ended} {xxhash.xxh64(image.tobytes()).hexdigest()} {read}|{said}"


def act(env, meta, goal):
    if meta and rng.random() < 0.08:
        return int(rng.integers(8, 11))
    if rng.random() < 0.5:
        return int(rng.integers(8))
    at, to = agent_of(env), objects_of(env)[goal].position
    way = tuple(np.sign(np.subtract(to, at)))
    return MOVES.index(way) if way in MOVES else int(rng.integers(8))


def say(*words):
    print(*words, file=out)


noise = []  # the one pattern of all noise textures, where the program would draw it at every step
binomial = np.random.binomial
for number in range(episodes):
    level = LEVELS[number % len(LEVELS)]
    meta = level in LEVELS[3:]
    concepts = ["color", "texture", "shape"] + ["position"] * (level == "basic")
    concept = concepts[int(rng.integers(len(concepts)))]
    explain = ["full", "full", "properties", "reward", "none"][int(rng.integers(5))]
    fixed = binomial(1, 0.66, (9, 9))
    noise[:] = [mask_rows(fixed[:, :, None])] if meta else []
    public.np.random.binomial = (lambda *_: fixed) if meta else binomial
    env = make(level, concept, explain)
    step = env.reset()
    say("episode", ("meta_" if meta else "") + level, concept, explain)
    say(trial_line(env))
    say(frame_line(-1, step))
    goal, game, slow = int(rng.integers(4)), game_of(env), rng.random() < 0.1
    while not step.last():
        action = int(rng.integers(8)) if slow else act(env, meta, goal)
        step = env.step(action)
        if game_of(env) is not game:  # the frame is the next trial's first
            game, goal = game_of(env), int(rng.integers(4))
            say(f"over {action} {int(step.reward or 0)}")
            say(trial_line(env))
            say(frame_line(-1, step))
        else:
            say(frame_line(action, step))
