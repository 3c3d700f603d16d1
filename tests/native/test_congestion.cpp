#include <cmath>
#include <limits>

#include "raz/congestion.h"
#include "testing.h"

namespace raz::testing {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

double slow_congestion(View<const double, 2> points, View<const int64_t, 1> batch, int64_t n,
                       int64_t neighbours) {
  if (!std::isfinite(points(n, 0)) || !std::isfinite(points(n, 1))) return infinity;
  std::vector<double> squared(static_cast<size_t>(neighbours), infinity);
  for (int64_t other = 0; other < points.size[0]; ++other) {
    const double dx = points(other, 0) - points(n, 0);
    const double dy = points(other, 1) - points(n, 1);
    const bool same_image = batch.data == nullptr || batch(n) == batch(other);
    if (other != n && same_image && std::isfinite(dx * dx + dy * dy)) {
      squared.push_back(dx * dx + dy * dy);
    }
  }
  std::sort(squared.begin(), squared.end());
  double sum = 0;
  for (int64_t i = 0; i < neighbours; ++i) sum += std::sqrt(squared[static_cast<size_t>(i)]);
  return sum / static_cast<double>(neighbours);
}

// Heads spread out, in one column, in one place; some are not finite.
void equals_all_distances_however_heads_are_cut() {
  constexpr int64_t heads = 300;
  uint32_t seed = 0;
  for (const double width : {40.0, 2.0, 0.0}) {
    for (const double height : {40.0, 0.0}) {
      auto xs = random_values<double>(heads, 0, width, ++seed);
      auto ys = random_values<double>(heads, 0, height, ++seed);
      std::vector<double> coordinates;
      for (size_t n = 0; n < xs.size(); ++n) {
        coordinates.push_back(n == 7 ? NAN : n == 12 ? 1e308 : xs[n]);
        coordinates.push_back(n == 20 ? INFINITY : ys[n]);
      }
      const auto points =
          contiguous_view(static_cast<const double*>(coordinates.data()), heads, int64_t{2});
      const auto image = random_values<int64_t>(heads, -1, 2, ++seed);
      for (const int64_t neighbours : {int64_t{1}, int64_t{3}, congestion_most_neighbours}) {
        for (const bool batched : {false, true}) {
          View<const int64_t, 1> batch;
          if (batched) batch = contiguous_view(image.data(), heads);
          std::vector<double> expected;
          for (int64_t n = 0; n < heads; ++n) {
            expected.push_back(slow_congestion(points, batch, n, neighbours));
          }
          for (const Parallel& parallel : {serial, piecewise}) {
            std::vector<CongestionNode> nodes(heads);
            std::vector<double> found(heads, -1);
            cpu::congestion(points, batch, neighbours, nodes.data(),
                            contiguous_view(found.data(), heads), parallel);
            require_same_bits(found, expected, "congestion");
          }
          std::vector<int64_t> ranges(2 * (heads / 256 + 1), -1);
          std::vector<double> found(heads, -1);
          require(cuda::congestion(points, batch, neighbours, ranges.data(),
                                   contiguous_view(found.data(), heads), nullptr) == 0,
                  "launch failed");
          require_same_bits(found, expected, "congestion of CUDA");
        }
      }
    }
  }
}

const Register distances("congestion: equals all distances, however heads are cut",
                         equals_all_distances_however_heads_are_cut);

}  // namespace
}  // namespace raz::testing
