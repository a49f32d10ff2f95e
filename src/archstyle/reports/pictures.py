"""Small pictures of photos, for pages and figures."""

from PIL import Image

from archstyle.photos.reader import open_photo


def thumbnail(content: bytes, side: int) -> Image.Image:
    """Return the photo as RGB with its longer side at most `side` pixels; raises PhotoError."""
    photo = open_photo(content, at_least=side)
    photo.thumbnail((side, side), Image.Resampling.LANCZOS)
    return photo
