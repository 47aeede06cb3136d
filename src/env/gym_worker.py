# gym_worker.py - the worker's main loop: packets on descriptor 3, arrays in the memory behind 4.

import json
import mmap
import sys
import traceback


def missing(packages, error):
    return (
        f"{sys.executable} cannot import what this environment needs ({error}); install it with "
        f"`{sys.executable} -m pip install {packages}`, or name another Python with the setting "
        "python or in STOA_PYTHON"
    )


class Gymnasium:
    """The worker's environments, as Gymnasium makes them."""

    def __init__(self, config):
        try:
            import gymnasium
        except ImportError as error:
            raise Unsupported(missing("gymnasium", error)) from None
        if config["id"].startswith("ALE/"):
            try:
                import ale_py

                gymnasium.register_envs(ale_py)
            except ImportError as error:
                raise Unsupported(missing("ale-py", error)) from None
        arguments = dict(config["kwargs"], disable_env_checker=True)
        if config["render"]:
            arguments["render_mode"] = "rgb_array"
        try:
            self.envs = [gymnasium.make(config["id"], **arguments) for _ in range(config["count"])]
        except (gymnasium.error.Error, ImportError, TypeError) as error:
            raise Unsupported(f"gymnasium cannot make '{config['id']}': {error}") from None
        env = self.envs[0]
        self.observer, self.actor = Observer(env.observation_space), Actor(env.action_space)
        limit = env.spec.max_episode_steps if env.spec else None
        self.hello = {
            "observations": self.observer.parts,
            "actions": self.actor.parts,
            "max_steps": limit or 0,
            "reward_low": None,
            "reward_high": None,
        }
        if config["render"]:
            env.reset(seed=0)
            picture = env.render()
            if picture is None or picture.ndim != 3 or picture.shape[2] != 3:
                raise Unsupported(f"{config['id']} draws no picture; leave render=false")
            self.hello["render"] = list(picture.shape[:2])

    def begin(self, k, seed, arrays, row):
        value, _ = self.envs[k].reset(seed=seed)
        self.observer.write(arrays, row, value)

    def step(self, k, actions, old, arrays, row):
        value, reward, terminated, truncated, _ = self.envs[k].step(self.actor.read(actions, row))
        self.observer.write(arrays, row, value)
        return reward, reward, terminated, truncated

    def render(self, k):
        return self.envs[k].render()

    def close(self):
        for env in self.envs:
            env.close()


class Batch:
    """The worker's rows of the shared arrays."""

    def __init__(self, world, config, layout):
        import numpy as np

        self.world, self.first, self.count = world, config["first"], config["count"]
        memory, rows = mmap.mmap(4, layout["bytes"]), config["first"] + config["count"]

        def view(offset, dtype, shape=()):
            n = rows
            for size in shape:
                n *= size
            return np.frombuffer(memory, dtype, n, offset).reshape(rows, *shape)

        def views(offsets, parts):
            dtypes = {"f32": np.float32, "i32": np.int32, "u8": np.uint8}
            return [
                view(offset, dtypes[part["dtype"]], part["shape"])
                for offset, part in zip(offsets, parts)
            ]

        seen, done = world.hello["observations"], world.hello["actions"]
        self.halves = [views(layout[f"observations_{half}"], seen) for half in (0, 1)]
        self.finals = views(layout["finals"], seen)
        self.actions = views(layout["actions"], done)
        self.rewards = view(layout["rewards"], np.float32)
        self.scores = view(layout["scores"], np.float32)
        self.terminated = view(layout["terminated"], np.uint8)
        self.truncated = view(layout["truncated"], np.uint8)
        self.seeds = view(layout["seeds"], np.int64)
        height, width = world.hello.get("render") or (0, 0)
        self.picture = np.frombuffer(memory, np.uint8, height * width * 3, layout["picture"])

    def reset(self, half):
        for k in range(self.count):
            row = self.first + k
            self.world.begin(k, int(self.seeds[row]), self.halves[half], row)

    def step(self, half):
        world, new, old = self.world, self.halves[half], self.halves[1 - half]
        for k in range(self.count):
            row = self.first + k
            reward, score, terminated, truncated = world.step(k, self.actions, old, new, row)
            self.rewards[row], self.scores[row] = reward, score
            self.terminated[row], self.truncated[row] = terminated, truncated
            if terminated or truncated:
                for final, array in zip(self.finals, new):
                    final[row] = array[row]
                world.begin(k, None, new, row)

    def draw(self, row):
        picture = self.world.render(row - self.first)
        if picture is None or picture.size != self.picture.size:
            return b"N"
        self.picture[...] = picture.reshape(-1)
        return b"D"


def receive():
    """(letter, text) of the next packet; ("", "") when the parent is gone."""
    packet = os.read(3, 1 << 18).decode()
    return packet[:1], packet[1:]


def serve():
    letter, text = receive()
    if letter != "C":
        return
    config = json.loads(text)
    if config["protocol"] != 1:
        raise Unsupported("the worker and the library are of different versions")
    atari = config["preprocess"] and config["id"].startswith("ALE/")
    world = Atari(config) if atari else Gymnasium(config)
    os.write(3, b"H" + json.dumps(world.hello).encode())
    batch = None
    while True:
        letter, text = receive()
        answer = b"D"
        if letter == "S":
            batch.step(int(text))
        elif letter == "R":
            batch.reset(int(text))
        elif letter == "L":
            batch = Batch(world, config, json.loads(text))
        elif letter == "V":
            answer = batch.draw(int(text))
        else:
            break
        os.write(3, answer)
    world.close()


def complaint(error):
    """The error and where in the environment it was raised, on one line."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.name != "serve"]
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


def main():
    try:
        serve()
    except Unsupported as error:
        os.write(3, b"E" + str(error).encode()[:4000])
    except (BrokenPipeError, ConnectionResetError):  # the parent is gone
        pass
    except Exception as error:
        traceback.print_exc()
        os.write(3, b"E" + complaint(error).encode()[:4000])


main()
