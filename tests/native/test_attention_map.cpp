#include <cmath>

#include "raz/attention_map.h"
#include "testing.h"

namespace raz::testing {
namespace {

std::vector<double> map_of(View<const double, 2> points, View<const int64_t, 1> batch,
                           View<const double, 1> congestion, AttentionGrid grid, int64_t images,
                           const Parallel& parallel) {
  const int64_t rows = (grid.height + grid.stride - 1) / grid.stride;
  const int64_t columns = (grid.width + grid.stride - 1) / grid.stride;
  std::vector<int64_t> order(static_cast<size_t>(points.size[0]));
  std::vector<double> map(static_cast<size_t>(images * rows * columns), -1);
  cpu::attention_map(points, batch, congestion, grid, order.data(),
                     contiguous_view(map.data(), images, rows, columns), parallel);
  return map;
}

std::vector<double> cuda_map_of(View<const double, 2> points, View<const int64_t, 1> batch,
                                View<const double, 1> congestion, AttentionGrid grid,
                                int64_t images) {
  const int64_t rows = (grid.height + grid.stride - 1) / grid.stride;
  const int64_t columns = (grid.width + grid.stride - 1) / grid.stride;
  std::vector<int64_t> ranges(static_cast<size_t>(2 * (points.size[0] / 256 + 1)), -1);
  std::vector<double> map(static_cast<size_t>(images * rows * columns), -1);
  require(cuda::attention_map(points, batch, congestion, grid, ranges.data(),
                              contiguous_view(map.data(), images, rows, columns), nullptr) == 0,
          "launch failed");
  return map;
}

// More heads than a tile lists, in more than one chunk.
void cuda_equals_cpu_in_a_crowd() {
  constexpr int64_t heads = 600;
  const auto coordinates = random_values<double>(heads * 2, 0, 40, 77);
  const auto points = contiguous_view(coordinates.data(), heads, int64_t{2});
  const auto values = random_values<double>(heads, 0, 20, 78);
  const auto congestion = contiguous_view(values.data(), heads);
  const AttentionGrid grid{41, 1100, 4, 18, 3.0};
  require_same_bits(cuda_map_of(points, {}, congestion, grid, 1),
                    map_of(points, {}, congestion, grid, 1, serial), "map");
}

// Heads lie inside, on the edges and outside; some belong to no image, some are not finite.
void rows_may_be_cut_anywhere() {
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
    auto values = random_values<double>(heads, 0, 20, ++seed);
    values[3] = INFINITY;
    const auto congestion = contiguous_view(static_cast<const double*>(values.data()), heads);
    for (const int64_t stride : {1, 4, 1000}) {
      for (const double sigma : {0.1, 3.0, 1e300}) {
        for (const bool batched : {false, true}) {
          View<const int64_t, 1> batch;
          if (batched) batch = contiguous_view(image.data(), heads);
          const AttentionGrid grid{height, width, stride, 15, sigma};
          const auto found = map_of(points, batch, congestion, grid, images, piecewise);
          require_same_bits(found, map_of(points, batch, congestion, grid, images, serial), "map");
          require_same_bits(cuda_map_of(points, batch, congestion, grid, images), found,
                            "map of CUDA");
          for (const double value : found) require(0 <= value && value <= 1, "out of [0, 1]");
        }
      }
    }
  }
}

const Register crowd("attention_map of CUDA equals the CPU in a crowd", cuda_equals_cpu_in_a_crowd);
const Register cuts("attention_map: rows may be cut anywhere", rows_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
