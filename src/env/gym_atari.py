# gym_atari.py - Atari games through ale-py alone, with the usual pre-processing (Machado et al.
# 2018; the settings are in src/env/gym.c).
#
# Several times cheaper than a stack of wrappers: no picture is made of a frame nobody looks at,
# and nothing is allocated in a step.


def game_of(game_id):
    """ "ALE/MsPacman-v5" is the game ms_pacman, by the names ale-py has."""
    from ale_py import roms

    name = game_id.split("/", 1)[1].rsplit("-", 1)[0].lower()
    for known in roms.get_all_rom_ids():
        if known.replace("_", "") == name:
            return known
    raise Unsupported(f"ale-py has no game '{game_id}'")


def resizer(height, width, size):
    """A function (picture, out): each new pixel is the mean of the area it covers, rounded."""
    import numpy as np

    try:
        import cv2

        cv2.setNumThreads(0)
        return lambda picture, out: cv2.resize(
            picture, (size, size), dst=out, interpolation=cv2.INTER_AREA
        )
    except ImportError:
        pass

    def shares(n):
        """(size, n): how much of each old pixel is in a new one."""
        edges = np.arange(size + 1) * (n / size)
        old = np.arange(n)
        begin = np.maximum(edges[:-1, None], old)
        end = np.minimum(edges[1:, None], old + 1)
        return (np.maximum(end - begin, 0) * (size / n)).astype(np.float32)

    rows, columns = shares(height), np.ascontiguousarray(shares(width).T)

    def resize(picture, out):
        np.rint(rows @ picture.astype(np.float32) @ columns, out=out, casting="unsafe")

    return resize


class Game:
    """One instance: the emulator, its two newest grey pictures, its random numbers."""

    def __init__(self, world):
        import random

        import ale_py
        import numpy as np

        self.world = world
        self.ale = ale = ale_py.ALEInterface()
        ale.setFloat("repeat_action_probability", world.sticky)
        ale.setInt("max_num_frames_per_episode", world.max_frames)
        self.random = random.Random(0)
        self.load(0)
        height, width = ale.getScreenDims()
        self.newest, self.before = np.zeros((2, height, width), np.uint8)
        self.small = np.zeros((world.size, world.size), np.uint8)
        self.lives = 0
        self.over = True  # the game itself, not only a life

    def load(self, seed):
        """The emulator takes a seed only when it loads the game."""
        self.ale.setInt("random_seed", seed)
        self.ale.loadROM(self.world.rom)
        if self.world.mode is not None:
            self.ale.setMode(self.world.mode)
        if self.world.difficulty is not None:
            self.ale.setDifficulty(self.world.difficulty)
        self.over = True

    def begin(self):
        """A new game, or the next life of this one."""
        ale, world = self.ale, self.world
        if not self.over:
            ale.act(world.noop)
        if self.over or ale.game_over():
            self.begin_game()
        self.lives = ale.lives()
        ale.getScreenGrayscale(self.newest)

    def begin_game(self):
        ale, world = self.ale, self.world
        ale.reset_game()
        waits = [world.noop] * (self.random.randint(1, world.noop_max) if world.noop_max else 0)
        for move in waits + [world.fire] * (world.fire is not None):
            ale.act(move)
            if ale.game_over():
                ale.reset_game()
        self.over = False

    def step(self, move):
        """Repeats the action; (reward, terminated, truncated). newest is the merged picture."""
        ale, world = self.ale, self.world
        act, over, reward = ale.act, ale.game_over, 0
        for _ in range(world.skip - 2):
            reward += act(move)
            if over():
                break
        else:
            if world.skip > 1:
                reward += act(move)
                ale.getScreenGrayscale(self.before)
            if world.skip == 1 or not over():
                reward += act(move)
        ale.getScreenGrayscale(self.newest)
        if world.skip > 1:
            world.maximum(self.newest, self.before, self.newest)
        self.over = over()
        terminated, truncated = self.over and not ale.game_truncated(), False
        truncated = self.over and not terminated
        lives = ale.lives()
        if world.episodic_life and lives < self.lives and not self.over:
            terminated = True
        self.lives = lives
        return reward, terminated, truncated


class Atari:
    """The worker's games."""

    ARGUMENTS = ("repeat_action_probability", "full_action_space", "mode", "difficulty")

    def __init__(self, config):
        try:
            import ale_py
            import numpy as np
            from ale_py import roms
        except ImportError as error:
            raise Unsupported(missing("ale-py numpy", error)) from None
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        given = config["kwargs"]
        for key in given:
            if key not in self.ARGUMENTS:
                raise Unsupported(
                    f"kwargs: pre-processed Atari games take {', '.join(self.ARGUMENTS)}, not "
                    f"'{key}'; with preprocess=false Gymnasium takes them"
                )
        self.rom = roms.get_rom_path(game_of(config["id"]))
        self.sticky = float(given.get("repeat_action_probability", 0.25))
        self.mode, self.difficulty = given.get("mode"), given.get("difficulty")
        self.skip, self.size = config["frame_skip"], config["frame_size"]
        self.stack, self.noop_max = config["frame_stack"], config["noop_max"]
        self.max_frames, self.episodic_life = config["max_frames"], config["episodic_life"]
        self.clip = config["clip_reward"]
        self.maximum = np.maximum
        self.noop, self.fire = ale_py.Action.NOOP, None
        self.games = [Game(self) for _ in range(config["count"])]
        ale = self.games[0].ale
        full = given.get("full_action_space", False)
        self.moves = ale.getLegalActionSet() if full else ale.getMinimalActionSet()
        if config["fire_reset"] and ale_py.Action.FIRE in self.moves:
            self.fire = ale_py.Action.FIRE
        height, width = ale.getScreenDims()
        self.resize = resizer(height, width, self.size)
        shape = (self.size, self.size, self.stack)
        labels = [move.name.lower() for move in self.moves]
        self.hello = {
            "observations": [described("screen", "image", "u8", shape)],
            "actions": [described("move", "categories", "i32", (), len(labels), labels=labels)],
            "max_steps": -(-self.max_frames // self.skip),
            "reward_low": -1 if self.clip else None,
            "reward_high": 1 if self.clip else None,
            "render": [height, width],
        }

    def begin(self, k, seed, arrays, row):
        game = self.games[k]
        if seed is not None:
            game.random.seed(seed)
            game.load(seed)
        game.begin()
        self.resize(game.newest, game.small)
        arrays[0][row] = game.small[..., None]  # every picture of the stack is the first one

    def push(self, old, new, small):
        """new: the stack old with its oldest picture gone and this one added."""
        if self.stack == 1:
            new[..., 0] = small
        elif self.stack in (2, 4):  # a pixel's channels are one little-endian number
            word = "<u2" if self.stack == 2 else "<u4"
            numbers = new.view(word)[..., 0]
            numbers[...] = old.view(word)[..., 0]
            numbers >>= 8
            new[..., -1] = small
        else:
            new[..., :-1] = old[..., 1:]
            new[..., -1] = small

    def step(self, k, actions, old, arrays, row):
        """(reward, score, terminated, truncated); the observation goes to arrays."""
        game = self.games[k]
        score, terminated, truncated = game.step(self.moves[actions[0][row]])
        self.resize(game.newest, game.small)
        self.push(old[0][row], arrays[0][row], game.small)
        reward = (score > 0) - (score < 0) if self.clip else score
        return reward, score, terminated, truncated

    def render(self, k):
        return self.games[k].ale.getScreenRGB()

    def close(self):
        self.games = []
