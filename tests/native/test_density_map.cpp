#include <cmath>

#include "raz/density_map.h"
#include "testing.h"

namespace raz::testing {
namespace {

std::vector<double> map_of(View<const double, 2> points, View<const int64_t, 1> batch,
                           DensityGrid grid, int64_t images, const Parallel& parallel) {
  const int64_t heads = points.size[0];
  const int64_t rows = (grid.height + grid.stride - 1) / grid.stride;
  const int64_t columns = (grid.width + grid.stride - 1) / grid.stride;
  std::vector<CongestionNode> nodes(static_cast<size_t>(heads));
  std::vector<double> sigmas(static_cast<size_t>(heads));
  std::vector<double> map(static_cast<size_t>(images * rows * columns), -1);
  cpu::adaptive_sigmas(points, batch, grid, nodes.data(), contiguous_view(sigmas.data(), heads),
                       parallel);
  cpu::density_map(points, batch, contiguous_view(static_cast<const double*>(sigmas.data()), heads),
                   grid, contiguous_view(map.data(), images, rows, columns), parallel);
  return map;
}

// Heads lie inside, on the edges and outside; some belong to no image, some are not finite.
void rows_and_heads_may_be_cut_anywhere() {
  constexpr int64_t heads = 60;
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const double reach = static_cast<double>(height > width ? height : width) + 4;
    auto coordinates = random_values<double>(heads * 2, -4, reach, ++seed);
    coordinates[7] = NAN;
    coordinates[12] = INFINITY;
    coordinates[20] = 1e308;
    const auto points =
        contiguous_view(static_cast<const double*>(coordinates.data()), heads, int64_t{2});
    const auto image = random_values<int64_t>(heads, -1, static_cast<double>(images), ++seed);
    for (const int64_t stride : {1, 4}) {
      for (const bool batched : {false, true}) {
        View<const int64_t, 1> batch;
        if (batched) batch = contiguous_view(image.data(), heads);
        const DensityGrid grid{height, width, stride};
        require_same_bits(map_of(points, batch, grid, images, piecewise),
                          map_of(points, batch, grid, images, serial), "map");
      }
    }
  }
}

const Register cuts("density_map: rows and heads may be cut anywhere",
                    rows_and_heads_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
