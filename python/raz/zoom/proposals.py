"""Region proposals from the attention map of one pass."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from raz import ops

from .coordinates import Box, CropGeometry, is_empty


@dataclass(frozen=True)
class Proposal:
    """A region to zoom into.

    Attributes:
        box: edges in original pixels, not empty, inside the region it was proposed in.
        score: mean attention inside the box, in [0, 1].
    """

    box: Box
    score: float


def propose(
    attention: Tensor,
    crop: CropGeometry,
    within: Box,
    *,
    stride: int,
    threshold: float,
    max_regions: int,
    seed: int,
) -> list[Proposal]:
    """Propose regions inside ``within`` by the attention map of the pass over ``crop``.

    Anchors are laid and scored over the cells that lie wholly inside ``within``, so the context of
    a crop cannot cause a region (ours; the paper does not say how a deeper round is confined).
    For the scheme of anchors see ``raz.ops.propose_regions`` (Liu et al., CVPR 2019).

    Args:
        attention: [h, w], in [0, 1], at ``stride`` pixels of the pass.
        crop: of the pass in the original image.
        within: box in original pixels.
        stride: pixels of the pass per cell.
        threshold: least mean attention of a region.
        max_regions: most regions to return.
        seed: of the anchors' centres.

    Returns:
        Proposals by descending score, ties in the order of the anchors.
    """
    column1, row1, column2, row2 = crop.cells_inside(within, stride)
    if max_regions == 0 or column1 >= column2 or row1 >= row2:
        return []
    boxes, scores, counts = ops.propose_regions(
        attention[None, row1:row2, column1:column2].float(),
        score_threshold=threshold,
        max_regions=max_regions,
        seed=seed,
    )
    found = int(counts[0])
    proposals = []
    for cells, score in zip(boxes[0, :found].tolist(), scores[0, :found].tolist(), strict=True):
        x1, y1, x2, y2 = cells
        moved = (x1 + column1, y1 + row1, x2 + column1, y2 + row1)
        box = crop.cells_to_image(moved, stride)
        # An anchor may lie wholly in the part of the last cell that sticks out of the image.
        if not is_empty(box):
            proposals.append(Proposal(box, score))
    return proposals
