"""What the API takes and gives, for its description; tests hold the answers to it."""

from marshmallow import INCLUDE, Schema
from marshmallow.fields import Boolean, Dict, Float, Integer, List, Nested, Raw, String
from marshmallow.validate import OneOf, Range

from archstyle.bundle.bundle import NOT_SURE, UNFAMILIAR

PROBLEM = "application/problem+json"
PHOTOS = {
    "type": "object",
    "required": ["photo"],
    "properties": {
        "photo": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "format": "binary"},
            "description": "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP.",
        }
    },
}


class Query(Schema):
    """What may be asked of `predict` in the address."""

    map = Boolean(
        load_default=False, metadata={"description": "whether to say where the evidence lies"}
    )
    top = Integer(
        load_default=None,
        validate=Range(1),
        metadata={"description": "how many of the probabilities to give, the best first"},
    )


class Model(Schema):
    """The model that answered."""

    name = String(required=True)
    version = String(required=True, metadata={"description": "in the registry, or `released`"})
    run_id = String(required=True, allow_none=True)
    digest = String(required=True)
    drawn = Boolean(required=True, metadata={"description": "whether it learned from drawings"})
    released = Boolean(required=True)


class Card(Model):
    """The model with its card."""

    card = Dict(String(), Raw(), required=True)


class Entry(Schema):
    """The answer to one photo of several."""

    file = String(required=True)
    style = String(required=True, metadata={"description": "the nearest style, answered or not"})
    probability = Float(required=True)
    answered = Boolean(required=True)
    probabilities = Dict(String(), Float(), required=True, metadata={"description": "best first"})
    reason = String(required=True, allow_none=True, validate=OneOf([NOT_SURE, UNFAMILIAR, None]))
    styles = List(
        String(), required=True, metadata={"description": "that it can be; holds the right of 95 %"}
    )
    map = List(
        List(Float()),
        allow_none=True,
        metadata={"description": "0..1 by row and column: where the evidence for the style lies"},
    )


class Prediction(Entry):
    """The answer to a single photo."""

    model = Nested(Model, required=True)


class Unread(Schema):
    """A photo of several that could not be read."""

    file = String(required=True)
    error = String(required=True)
    code = String(required=True)


class Predictions(Schema):
    """The answers to several photos, in the order they were sent."""

    model = Nested(Model, required=True)
    predictions = List(Raw(), required=True, metadata={"description": "Entry or Unread"})


class Style(Schema):
    """A style that the model knows; `texts` by language, none for a user's own style."""

    style = String(required=True)
    label = String(required=True)
    texts = Dict(String(), Raw(), required=True)


class Styles(Schema):
    """The styles that the model knows."""

    model = Nested(Model, required=True)
    styles = List(Nested(Style), required=True)


class Problem(Schema):
    """Problem details (RFC 9457); programs go by the `code`. `error` repeats the `detail`."""

    class Meta:
        """There may be more: `file`, `model`, `predictions`."""

        unknown = INCLUDE

    type = String(required=True)
    title = String(required=True)
    status = Integer(required=True)
    detail = String(required=True)
    code = String(required=True)
    error = String(required=True)
