#include "raz/integral_image.h"
#include "raz/score_anchors.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Boxes reach over the map on every side; some are inverted or empty.
template <class Box>
void cuda_equals_cpu(bool mean) {
  constexpr int64_t boxes_per_map = 50;
  uint32_t seed = 0;
  for (const auto& [batch, height, width] : shapes) {
    const auto map = random_values<float>(batch * height * width, 0, 4, ++seed);
    std::vector<double> table(static_cast<size_t>(batch * (height + 1) * (width + 1)));
    const auto table_view = contiguous_view(table.data(), batch, height + 1, width + 1);
    std::vector<double> columns(static_cast<size_t>(batch * width));
    cpu::integral_image(contiguous_view(map.data(), batch, height, width), table_view,
                        contiguous_view(columns.data(), batch, width), serial,
                        cpu::best_instruction_set());

    const double reach = static_cast<double>(height > width ? height : width) + 3;
    const auto edges = random_values<Box>(batch * boxes_per_map * 4, -3, reach, ++seed);
    const auto boxes = contiguous_view(edges.data(), batch, boxes_per_map, 4);
    const auto integral =
        contiguous_view(static_cast<const double*>(table.data()), batch, height + 1, width + 1);
    std::vector<double> by_cpu(static_cast<size_t>(batch * boxes_per_map), -1);
    std::vector<double> by_cuda(by_cpu);
    cpu::score_anchors(integral, boxes, contiguous_view(by_cpu.data(), batch, boxes_per_map), mean,
                       serial);
    const int error = cuda::score_anchors(
        integral, boxes, contiguous_view(by_cuda.data(), batch, boxes_per_map), mean, nullptr);
    require(error == 0, "launch failed");
    require_same_bits(by_cuda, by_cpu, "score");
  }
}

const Register float_mean("score_anchors float boxes, mean", [] { cuda_equals_cpu<float>(true); });
const Register double_sum("score_anchors double boxes, sum",
                          [] { cuda_equals_cpu<double>(false); });

}  // namespace
}  // namespace raz::testing
