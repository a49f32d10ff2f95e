"""What the API takes and gives, for its description; tests hold the answers to it."""

from typing import Any

from marshmallow import Schema
from marshmallow.fields import Boolean, Dict, Float, Integer, List, Nested, Raw, String
from marshmallow.validate import OneOf, Range

from archstyle.bundle.bundle import NOT_SURE, UNFAMILIAR


def said(description: str = "", required: bool = True) -> dict[str, Any]:
    """Return what describes a field."""
    return {"required": required, "metadata": {"description": description} if description else {}}


class Query(Schema):
    """What may be asked of `predict` in the address."""

    map = Boolean(load_default=False, **said("whether to say where the evidence lies", False))
    top = Integer(load_default=None, validate=Range(1, 999), **said("probabilities to give", False))


class Model(Schema):
    """The model in use."""

    name = String(**said())
    version = String(**said("in the registry, or `released`"))
    run_id = String(allow_none=True, **said())
    digest = String(**said())
    drawn = Boolean(**said("whether it learned from drawings"))
    released = Boolean(**said())
    card = Dict(String(), Raw(), **said("in `/model` only", False))


class Prediction(Schema):
    """The answer to one photo."""

    file = String(**said())
    style = String(**said("the nearest style, answered or not"))
    probability = Float(**said())
    answered = Boolean(**said())
    probabilities = Dict(String(), Float(), **said("best first"))
    reason = String(allow_none=True, validate=OneOf([NOT_SURE, UNFAMILIAR, None]), **said())
    styles = List(String(), **said("that it can be: one of them is right for 95 %"))
    map = List(List(Float()), allow_none=True, **said("evidence in 0..1, by row and column", False))
    model = Nested(Model, **said("where there is one photo", False))


class Predictions(Schema):
    """The answers to several photos; one that cannot be read has `file`, `error` and `code`."""

    model = Nested(Model, **said())
    predictions = List(Dict(String(), Raw()), **said("a Prediction each, as they were sent"))


class Style(Schema):
    """A style that the model knows."""

    style = String(**said())
    label = String(**said())
    texts = Dict(String(), Raw(), **said("by language; none for a style of one's own"))


class Styles(Schema):
    """The styles that the model knows."""

    model = Nested(Model, **said())
    styles = List(Nested(Style), **said())


class Problem(Schema):
    """Problem details (RFC 9457); programs go by the `code`. `error` repeats the `detail`."""

    type, title, detail, code, error = (String(**said()) for _ in range(5))
    status = Integer(**said())
    file = String(**said("what could not be read, where there is one photo", False))
    predictions = List(Dict(String(), Raw()), **said("of several photos", False))
    model = Nested(Model, **said("", False))
