"""Draws docs/environments/odd-one-out.svg: scenes of random play, each with the whole room, what the
agent sees of it, and what is said. Wants the built library, numpy and gymnasium.

    PYTHONPATH=python python scripts/odd_one_out_sheet.py docs/environments/odd-one-out.svg
"""

import base64
import html
import struct
import sys
import zlib

import numpy as np

import stoa

ADJACENT, RIGHT, WRONG = 1, 2, 3
SIDE, GAP, ACROSS, WORDS = 165, 10, 3, 62  # pixels of a picture, between them; panels; of the text


def png(pixels):
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + pixels[y].tobytes() for y in range(height))

    def chunk(kind, data):
        sum_ = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", sum_)

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows, 9))
        + chunk(b"IEND", b"")
    )


def scenes():
    """(title, room, view, instruction, explanation) of moments met in random play."""
    wanted = [
        ("basic, beside an object", {"concept": "shape"}, ADJACENT, 3),
        ("basic, the right choice", {"concept": "texture"}, RIGHT, 5),
        ("basic, a wrong choice", {"concept": "color"}, WRONG, 4),
        ("confounded (shape counts)", {"level": "confounded", "concept": "shape"}, RIGHT, 2),
        ("deconfounded (color counts)", {"level": "deconfounded", "concept": "color"}, WRONG, 8),
        ("meta_hard1, an experiment", {"level": "meta_hard1", "concept": "texture"}, RIGHT, 6),
    ]
    for title, settings, event, seed in wanted:
        env = stoa.make(
            "odd-one-out", seed=seed, observation="both", render_mode="rgb_array", **settings
        )
        words = env.stoa_spec["observations"][-1]["labels"]
        env.action_space.seed(seed)
        observation, info = env.reset()
        while info["event"] != event:
            observation, _, terminated, truncated, info = env.step(env.action_space.sample())
            if terminated or truncated:
                observation, info = env.reset()

        def text(name):
            ids = observation.get(name, [])
            return " ".join(words[i] for i in ids if i)

        # one pixel of the picture for people is several
        scale = env.render().shape[0] // 99
        room = env.render()[::scale, ::scale]
        yield title, room, observation["image"], text("instruction"), text("explanation")
        env.close()


def lines_of(text, width=58):
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def picture(pixels, x, y):
    data = base64.b64encode(png(np.ascontiguousarray(pixels))).decode()
    return (
        f'<image x="{x}" y="{y}" width="{SIDE}" height="{SIDE}" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def sheet():
    panels = list(scenes())
    width, height = 2 * SIDE + 3 * GAP, SIDE + 20 + WORDS
    down = (len(panels) + ACROSS - 1) // ACROSS
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {ACROSS * width} {down * height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="#fff"/>',
    ]
    for i, (title, room, view, read, said) in enumerate(panels):
        x, y = i % ACROSS * width + GAP, i // ACROSS * height
        parts.append(f'<text x="{x}" y="{y + 14}" font-weight="bold">{html.escape(title)}</text>')
        parts.append(picture(room, x, y + 20))
        parts.append(picture(view, x + SIDE + GAP, y + 20))
        at = y + 20 + SIDE + 16
        for line in lines_of(said or "(nothing is said)") + ([f"Read: {read}"] if read else []):
            parts.append(f'<text x="{x}" y="{at}" font-size="11">{html.escape(line)}</text>')
            at += 15
    return "\n".join(parts + ["</svg>\n"])


if len(sys.argv) != 2:
    sys.exit(__doc__)
with open(sys.argv[1], "w") as file:
    file.write(sheet())
