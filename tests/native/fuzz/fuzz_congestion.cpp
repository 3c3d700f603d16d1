#include "fuzz/fuzz.h"
#include "raz/congestion.h"

namespace raz::fuzz {
namespace {

// From all distances.
double congestion_of(View<const double, 2> points, View<const int64_t, 1> batch, int64_t n,
                     int64_t neighbours) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!std::isfinite(points(n, 0)) || !std::isfinite(points(n, 1))) return infinity;
  std::vector<double> squared(static_cast<size_t>(neighbours), infinity);
  for (int64_t other = 0; other < points.size[0]; ++other) {
    const double dx = points(other, 0) - points(n, 0);
    const double dy = points(other, 1) - points(n, 1);
    const bool together = batch.data == nullptr || batch(n) == batch(other);
    if (other != n && together && std::isfinite(points(other, 0)) &&
        std::isfinite(points(other, 1))) {
      squared.push_back(dx * dx + dy * dy);
    }
  }
  std::partial_sort(squared.begin(), squared.begin() + neighbours, squared.end());
  double sum = 0;
  for (int64_t i = 0; i < neighbours; ++i) sum += std::sqrt(squared[static_cast<size_t>(i)]);
  return sum / static_cast<double>(neighbours);
}

}  // namespace

void try_one(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t count = bytes.between(0, 100);
  const int64_t neighbours = bytes.between(1, congestion_most_neighbours);
  const Input<double, 2> points(bytes, number<double>, count, 2);
  const Labels batch = labels(bytes, count, 3);
  const auto image_of_head = view_or_none(batch);
  std::vector<double> expected;
  for (int64_t n = 0; n < count; ++n) {
    expected.push_back(congestion_of(points.view(), image_of_head, n, neighbours));
  }
  const Output<double, 1> congestion(bytes, count);
  for_each_cut([&](const Parallel& parallel) {
    const auto found = congestion.of(-1, [&](View<double, 1> result) {
      std::vector<CongestionNode> nodes(static_cast<size_t>(count));
      cpu::congestion(points.view(), image_of_head, neighbours, nodes.data(), result, parallel);
    });
    require_same_values(found, expected, "congestion");
  });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  std::vector<int64_t> ranges(static_cast<size_t>(2 * (count / 256 + 1)), -1);
  const auto found = congestion.of(-1, [&](View<double, 1> result) {
    require(cuda::congestion(points.view(), image_of_head, neighbours, ranges.data(), result,
                             nullptr) == 0,
            "no launch");
  });
  require_same_values(found, expected, "congestion of CUDA");
#endif
}

}  // namespace raz::fuzz
