"""The card of the model for people, `archstyle card` as a page."""

from flask import Blueprint, render_template

from archstyle.registry.cache import RELEASED
from archstyle.registry.model_card import TEMPLATES, figures
from serving.follower import read_champions
from serving.page import facts
from serving.uploads import model_or_refusal

blueprint = Blueprint("card", __name__, template_folder=TEMPLATES)


@blueprint.get("/model")
def model() -> str:
    """Show the card of the model in use."""
    model = model_or_refusal()
    values = facts(model)
    told = [] if model.version == RELEASED else read_champions()
    values |= figures(model.bundle.card, values["label"])
    return render_template("model.html", champions=told, **values)
