#include "raz/integral_image.h"
#include "raz/propose_regions.h"
#include "testing.h"

namespace raz::testing {
namespace {

struct Proposed {
  std::vector<float> boxes;
  std::vector<float> scores;
  std::vector<int64_t> counts;
};

Proposed propose(View<const double, 3> integral, const AnchorGrid& grid, const Parallel& parallel) {
  constexpr int64_t most = 5;
  const int64_t images = integral.size[0];
  const int64_t count = grid.count();
  std::vector<float> anchors(static_cast<size_t>(count * 4));
  std::vector<float> anchor_scores(static_cast<size_t>(images * count));
  Proposed result{std::vector<float>(static_cast<size_t>(images * most * 4), -1),
                  std::vector<float>(static_cast<size_t>(images * most), -1),
                  std::vector<int64_t>(static_cast<size_t>(images), -1)};
  cpu::propose_regions(integral, grid, {0.01, 0.3},
                       {contiguous_view(anchors.data(), int64_t{4}, count),
                        contiguous_view(anchor_scores.data(), images, count)},
                       {contiguous_view(result.boxes.data(), images, most, int64_t{4}),
                        contiguous_view(result.scores.data(), images, most),
                        contiguous_view(result.counts.data(), images)},
                       parallel);
  return result;
}

void anchors_may_be_cut_anywhere() {
  const std::vector<double> scales{1.0 / 3, 2.0 / 3};
  const std::vector<double> ratios{0.5, 1, 2};
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const auto attention = random_values<float>(images * height * width, 0, 1, ++seed);
    std::vector<double> table(static_cast<size_t>(images * (height + 1) * (width + 1)));
    std::vector<double> columns(static_cast<size_t>(images * width));
    cpu::integral_image(contiguous_view(attention.data(), images, height, width),
                        contiguous_view(table.data(), images, height + 1, width + 1),
                        contiguous_view(columns.data(), images, width), serial,
                        cpu::best_instruction_set());
    const auto integral =
        contiguous_view(static_cast<const double*>(table.data()), images, height + 1, width + 1);
    for (const int64_t points : {0, 30}) {
      const AnchorGrid grid{points, contiguous_view(scales.data(), scales.size()),
                            contiguous_view(ratios.data(), ratios.size()), seed};
      const Proposed whole = propose(integral, grid, serial);
      const Proposed cut = propose(integral, grid, piecewise);
      require_same_bits(cut.boxes, whole.boxes, "boxes");
      require_same_bits(cut.scores, whole.scores, "scores");
      require_same_bits(cut.counts, whole.counts, "counts");
    }
  }
}

const Register cuts("propose_regions: anchors may be cut anywhere", anchors_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
