"""The audit as one page on which decisions are made and carried away as rows."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from archstyle.audit.findings import Findings, Suspect, alike
from archstyle.audit.photographs import Photograph
from archstyle.common.parallel import parallel_map
from archstyle.data.corrections import COLUMNS, Correction
from archstyle.photos.heatmap import encode
from archstyle.photos.store import PhotoStore
from archstyle.reports.page import QUALITY, data_uri, environment, where_from
from archstyle.reports.pictures import thumbnail

NEIGHBOURS = 4  # of each style
LARGE, SMALL = 360, 120  # pixels of the longer side


@dataclass(frozen=True)
class Picture:
    """A small picture as an address that carries it, encoded once however often it is shown."""

    uri: str
    width: int
    height: int


def render(
    store: PhotoStore,
    every: Sequence[Photograph],
    features: NDArray[np.float32],
    found: Findings,
    corrections: Sequence[Correction],
    show: int,
) -> str:
    """Return the page as HTML with the first `show` suspects and all that is decided."""
    suspects = [s for s in found.ranking if every[s.index].decision is None][:show]
    shown = [*found.conflicts, *suspects]
    neighbours = {
        suspect.index: alike(every, features, suspect, compared(every, suspect), NEIGHBOURS)
        for suspect in shown
    }
    decided = [i for i, photograph in enumerate(every) if photograph.decision]
    large = _pictures(store, every, [suspect.index for suspect in shown], LARGE)
    beside = chain.from_iterable(
        indices for styles in neighbours.values() for indices in styles.values()
    )
    small = _pictures(store, every, chain(beside, decided), SMALL)
    return (
        environment("archstyle.audit")
        .get_template("audit.html")
        .render(
            drawn=store.source.drawn,
            source=where_from({**vars(store.source)}),
            found=found,
            every=every,
            labelled=len(found.ranking),
            doubtful=sum(s.doubted and every[s.index].decision is None for s in found.ranking),
            sections=[
                ("conflicts", "Under two styles", found.conflicts),
                ("suspects", "The least believed labels", suspects),
            ],
            neighbours=neighbours,
            large=large,
            small=small,
            decided=sorted(decided, key=lambda i: _order(every[i])),
            columns=COLUMNS,
            rows=[astuple(correction) for correction in corrections],
            more=len(found.ranking) - len(suspects),
        )
    )


def compared(every: Sequence[Photograph], suspect: Suspect) -> list[str]:
    """Return the styles whose most alike photographs stand beside a suspect."""
    said = [suspect.label] if suspect.label else every[suspect.index].folders
    return list(dict.fromkeys([*said, suspect.suggestion]))


def _order(photograph: Photograph) -> tuple[int, str, str]:
    decision = photograph.decision
    assert decision is not None
    actions = ("relabel", "drop", "keep")
    return actions.index(decision.action), decision.style, photograph.row.file


def _pictures(
    store: PhotoStore, every: Sequence[Photograph], indices: Iterable[int], side: int
) -> dict[int, Picture]:
    wanted = sorted(set(indices))

    def picture(index: int) -> Picture:
        image = thumbnail(store.read(every[index].row.file), side)
        return Picture(data_uri(encode(image, "WEBP", QUALITY), "webp"), image.width, image.height)

    return dict(zip(wanted, parallel_map(picture, wanted, len(wanted), "pictures"), strict=True))
