"""Reads buildings.toml, and draws what it holds."""

import tomllib
from pathlib import Path
from random import Random
from typing import NamedTuple

from facades.canvas import Canvas, Light, mix, vary


class Layer(NamedTuple):
    """One line of a part; sizes in those of the part, places in halves of its width."""

    name: str  # of an outline, of a part, or of what a style chooses one for
    material: str
    tone: int
    wide: float
    high: float
    foot: float
    xs: list[float]
    sun: float


def _outline(text: str) -> list[tuple[float, float]]:
    numbers = [int(word) / 100 for word in text.strip("= ").split()]
    outline = list(zip(numbers[::2], numbers[1::2], strict=True))
    return outline + [(-x, y) for x, y in outline[::-1]] * text.startswith("=")


def _layer(text: str) -> Layer:
    name, paint, *words = text.split()
    sizes = [int(word) / 100 for word in words if not word.startswith("s")]
    wide, high, foot = (sizes + [1.0, 1.0, 0.0][len(sizes) :])[:3]
    sun = sum(int(word[1:]) / 100 for word in words if word.startswith("s"))
    tone = int(paint[-1]) if paint != "-" else 0
    return Layer(name, paint[:-1], tone, wide, high, foot, sizes[3:] or [0.0], sun)


_TOLD = tomllib.loads(Path(__file__).with_name("buildings.toml").read_text("utf-8"))
_OUTLINES = {name: _outline(text) for name, text in _TOLD["outlines"].items()}
_PARTS = {
    name: [_layer(layer) for layer in text.split(";") if layer.strip()]
    for name, text in _TOLD["parts"].items()
}
STYLES = tuple(_TOLD["styles"])


def bays(left: float, right: float, count: int) -> list[float]:
    """Return the centres of `count` equal bays between two ends."""
    return [left + (right - left) * (index + 0.5) / count for index in range(count)]


class Building(Canvas):
    """A canvas with the materials and the taste of a building."""

    def __init__(self, chance: Random, light: Light, style: str) -> None:
        super().__init__(chance, light)
        self.tones = {
            name: light.tones(vary(chance, colours)) for name, colours in _TOLD["colours"].items()
        } | {"glass": light.glass}
        self.taste = {
            word: chance.choice(names.split()) for word, names in _TOLD["styles"][style].items()
        }
        if self.taste.get("courses") == "plaster" and chance.random() < 0.7:
            self.tones["wall"] = self.tones["plaster"]
        if chance.random() < 0.4:
            self.tones["trim"] = self.tones["wall"]
        relief = chance.choice([self.tones[name][2] for name in ("wall", "red", "blue")])
        self.tones["relief"] = [mix(self.tones["wall"][3], relief, 0.5)] * 6
        self.tones["ground"] = self.tones[self.taste["ground"]]
        self.course = chance.uniform(0.028, 0.044)

    def sizes(self, *ends: float) -> list[float]:
        """Draw a number between each two ends."""
        return [self.chance.uniform(*pair) for pair in zip(ends[::2], ends[1::2], strict=True)]

    def part(self, name: str, xs: list[float], y: float, wide: float, high: float) -> None:
        """Draw a part at each x; a negative width mirrors it."""
        name = self.taste.get(name, name)
        for layer in _PARTS[name]:
            w, h, foot = layer.wide * wide / 2, layer.high * high, y + layer.foot * high
            sun = layer.sun * abs(wide) / 2 * self.light.side
            form = self.taste.get(layer.name, layer.name)
            places = [x + at * wide / 2 for x in xs for at in layer.xs]
            if form in _PARTS:
                self.part(form, [x + sun for x in places], foot, 2 * w, h)
                continue
            colour = self.tones[layer.material][layer.tone]
            shape = [(u * w + abs(u) * sun, foot + v * h) for u, v in _OUTLINES[form]]
            for x in places:
                self.fill([(x + u, v) for u, v in shape], colour)
