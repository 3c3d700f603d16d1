#include "fuzz/heads.h"
#include "raz/density_map_backward.h"

namespace raz::fuzz {

void try_one(Bytes& bytes) {
  const MapSides sides(bytes);
  const DensityGrid grid{sides.height, sides.width, sides.stride};
  const int64_t images = bytes.between(0, 3);
  const int64_t count = bytes.between(0, 40);
  const Input<double, 3> grad(bytes, number<double>, images, sides.rows(), sides.columns());
  const Input<double, 2> points(bytes, number<double>, count, 2);
  const Labels batch = labels(bytes, count, images);
  const Input<double, 1> sigmas(bytes, positive<double>, count);
  const Output<double, 2> points_grad(bytes, count, 2);
  const auto found = [&](double mark, const Parallel& parallel) {
    return points_grad.of(mark, [&](View<double, 2> result) {
      cpu::density_map_backward(grad.view(), points.view(), view_or_none(batch), sigmas.view(),
                                grid, result, parallel);
    });
  };
  const std::vector<double> expected = found(7, serial);
  for_each_cut([&](const Parallel& parallel) {
    require_same_values(found(9, parallel), expected, "points_grad");
  });
  for (int64_t n = 0; n < count; ++n) {
    if (is_inside(points.view(), view_or_none(batch), n, sides, images)) continue;
    const auto at = static_cast<size_t>(2 * n);
    require(expected[at] == 0 && expected[at + 1] == 0, "a head outside has a gradient");
  }
}

}  // namespace raz::fuzz
