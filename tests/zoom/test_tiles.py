from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from raz.zoom.tiles import Tiling

halos = st.integers(1, 12).map(lambda n: 32 * n)
tilings = halos.flatmap(
    lambda halo: st.integers(0, 40).map(lambda n: Tiling(2 * halo + 64 + 32 * n, halo))
)
sizes = st.tuples(st.integers(1, 9000), st.integers(1, 9000))


@given(plan=tilings, size=sizes)
def test_cores_partition_the_view_and_halos_surround_them(plan, size):
    height, width = size
    tiles = plan.tiles(size)
    assert sum((t.core[2] - t.core[0]) * (t.core[3] - t.core[1]) for t in tiles) == height * width
    for row in {tile.core[1] for tile in tiles}:
        cores = [tile.core for tile in tiles if tile.core[1] == row]
        assert [core[0] for core in cores] == [0, *(core[2] for core in cores[:-1])]
        assert cores[-1][2] == width
    for tile in tiles:
        for near, far, length in ((0, 2, width), (1, 3, height)):
            start, end = tile.box[near], tile.box[far]
            assert start == max(0, tile.core[near] - plan.halo)
            assert end == min(length, tile.core[far] + plan.halo)


@given(plan=tilings, size=sizes)
def test_no_tile_is_larger_than_asked_for_and_all_lie_on_the_grid(plan, size):
    for tile in plan.tiles(size):
        for near, far, length in ((0, 2, size[1]), (1, 3, size[0])):
            assert 0 < tile.box[far] - tile.box[near] <= plan.side
            assert tile.box[near] % 32 == 0
            assert tile.core[near] % 32 == 0
            for end in (tile.box[far], tile.core[far]):
                assert end % 32 == 0 or end == length
            # What PeakStitcher carries over to the next tile fits into a core.
            assert tile.core[far] - tile.core[near] >= 32 or length < 32


def test_a_view_that_fits_is_one_tile():
    plan = Tiling(256, 64)
    assert plan.fits((256, 256))
    assert not plan.fits((10, 257))
    [tile] = plan.tiles((256, 31))
    assert tile.box == tile.core == (0, 0, 31, 256)


def test_tiles_of_one_side_are_about_equal():
    ends = [tile.box for tile in Tiling(2048, 288).tiles((100, 4000))]
    assert [x2 - x1 for x1, _, x2, _ in ends] == [1696, 1728, 1728]
