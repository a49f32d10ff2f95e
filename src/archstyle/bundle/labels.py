"""What the styles are called in each language."""

LANGUAGES = ("en", "de", "es", "fr", "it", "pt")

_NAMES = {
    "baroque": ("Baroque", "Barock", "Barroco", "Baroque", "Barocco", "Barroco"),
    "byzantine": ("Byzantine", "Byzantinisch", "Bizantino", "Byzantin", "Bizantino", "Bizantino"),
    "egyptian": ("Egyptian", "Ägyptisch", "Egipcio", "Égyptien", "Egizio", "Egípcio"),
    "gothic": ("Gothic", "Gotik", "Gótico", "Gothique", "Gotico", "Gótico"),
}


def labels(styles: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return {language: {style: name}}; a style without a translation keeps its folder's name."""
    return {
        language: {
            style: _NAMES[style.lower()][index] if style.lower() in _NAMES else _pretty(style)
            for style in styles
        }
        for index, language in enumerate(LANGUAGES)
    }


def _pretty(style: str) -> str:
    words = style.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]
