#include "fuzz/heads.h"
#include "raz/attention_map.h"

namespace raz::fuzz {

void try_one(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  // A cell is the mean of its pixels, so images are small, but strides are not.
  const int64_t stride = bytes.once_in(8) ? bytes.between(1, std::numeric_limits<int64_t>::max())
                                          : bytes.between(1, 12);
  const int64_t height = side(bytes);
  const int64_t width = bytes.between(0, 40);
  const AttentionGrid grid{height, width, stride, number<double>(bytes), positive<double>(bytes)};
  const int64_t images = bytes.between(0, 3);
  const int64_t count = bytes.between(0, 40);
  const Input<double, 2> points(bytes, number<double>, count, 2);
  const Labels batch = labels(bytes, count, images);
  const auto distance = [](Bytes& from) {
    const double value = std::abs(from.number<double>());
    return value >= 0 ? value : std::numeric_limits<double>::infinity();
  };
  const Input<double, 1> congestion(bytes, distance, count);
  const auto cells = [&](int64_t length) { return length / stride + (length % stride != 0); };
  const Output<double, 3> map(bytes, images, cells(height), cells(width));
  const auto by_cpu = [&](double mark, const Parallel& parallel) {
    return map.of(mark, [&](View<double, 3> result) {
      std::vector<int64_t> order(static_cast<size_t>(count));
      cpu::attention_map(points.view(), view_or_none(batch), congestion.view(), grid, order.data(),
                         result, parallel);
    });
  };
  const std::vector<double> expected = by_cpu(7, serial);
  for_each_cut(
      [&](const Parallel& parallel) { require_same_values(by_cpu(9, parallel), expected, "map"); });
  for (const double value : expected) require(0 <= value && value <= 1, "out of [0, 1]");
  if (!cuda || stride > 16) return;
#ifdef RAZ_FUZZ_CUDA
  std::vector<int64_t> ranges(static_cast<size_t>(2 * (count / 256 + 1)), -1);
  const auto found = map.of(9, [&](View<double, 3> result) {
    require(cuda::attention_map(points.view(), view_or_none(batch), congestion.view(), grid,
                                ranges.data(), result, nullptr) == 0,
            "no launch");
  });
  require_same_values(found, expected, "map of CUDA");
#endif
}

}  // namespace raz::fuzz
