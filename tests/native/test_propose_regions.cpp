#include <cmath>

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

// By the CPU's kernel, or the CUDA one where `parallel` is null.
Proposed propose(View<const double, 3> integral, const AnchorGrid& grid, const RegionLimits& limits,
                 const Parallel* parallel) {
  constexpr int64_t most = 5;
  const int64_t images = integral.size[0];
  const int64_t count = grid.count();
  std::vector<float> anchors(static_cast<size_t>(count * 4));
  std::vector<float> anchor_scores(static_cast<size_t>(images * count));
  Proposed result{std::vector<float>(static_cast<size_t>(images * most * 4), -1),
                  std::vector<float>(static_cast<size_t>(images * most), -1),
                  std::vector<int64_t>(static_cast<size_t>(images), -1)};
  const RegionWorkspace workspace{contiguous_view(anchors.data(), int64_t{4}, count),
                                  contiguous_view(anchor_scores.data(), images, count)};
  const Regions regions{contiguous_view(result.boxes.data(), images, most, int64_t{4}),
                        contiguous_view(result.scores.data(), images, most),
                        contiguous_view(result.counts.data(), images)};
  if (parallel != nullptr) {
    cpu::propose_regions(integral, grid, limits, workspace, regions, *parallel);
  } else {
    const int error = cuda::propose_regions(integral, grid, limits, workspace, regions, nullptr);
    require(error == 0, "launch failed");
  }
  return result;
}

void require_same(const Proposed& result, const Proposed& expected) {
  require_same_bits(result.boxes, expected.boxes, "boxes");
  require_same_bits(result.scores, expected.scores, "scores");
  require_same_bits(result.counts, expected.counts, "counts");
}

// The tables of maps with few values, so that scores tie, each of `shapes`.
template <class Check>
void for_each_table(bool with_nan, Check&& check) {
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const auto attention = random_values<float>(images * height * width, 0, 1, ++seed);
    std::vector<double> table(static_cast<size_t>(images * (height + 1) * (width + 1)));
    std::vector<double> columns(static_cast<size_t>(images * width));
    cpu::integral_image(contiguous_view(attention.data(), images, height, width),
                        contiguous_view(table.data(), images, height + 1, width + 1),
                        contiguous_view(columns.data(), images, width), serial,
                        cpu::best_instruction_set());
    if (with_nan && !table.empty()) table[table.size() / 2] = NAN;
    check(contiguous_view(static_cast<const double*>(table.data()), images, height + 1, width + 1),
          seed);
  }
}

const std::vector<double> few_scales{1.0 / 3, 2.0 / 3};
const std::vector<double> few_ratios{0.5, 1, 2};

AnchorGrid grid_of(int64_t points, const std::vector<double>& scales,
                   const std::vector<double>& ratios, int64_t seed) {
  return {points, contiguous_view(scales.data(), scales.size()),
          contiguous_view(ratios.data(), ratios.size()), seed};
}

void anchors_may_be_cut_anywhere() {
  for_each_table(false, [](View<const double, 3> integral, int64_t seed) {
    for (const int64_t points : {0, 30}) {
      const AnchorGrid grid = grid_of(points, few_scales, few_ratios, seed);
      const Proposed whole = propose(integral, grid, {0.01, 0.3}, &serial);
      require_same(propose(integral, grid, {0.01, 0.3}, &piecewise), whole);
    }
  });
}

void cuda_equals_cpu() {
  for (const bool with_nan : {false, true}) {
    for_each_table(with_nan, [](View<const double, 3> integral, int64_t seed) {
      for (const int64_t points : {0, 60}) {
        const AnchorGrid grid = grid_of(points, few_scales, few_ratios, -seed);
        for (const RegionLimits limits : {RegionLimits{0.01, 0.3}, RegionLimits{-1e300, 0}}) {
          require_same(propose(integral, grid, limits, nullptr),
                       propose(integral, grid, limits, &serial));
        }
      }
    });
  }
}

// More scales and ratios than travel with one launch, more anchors than shared memory holds.
void cuda_takes_any_number_of_anchors() {
  std::vector<double> scales;
  std::vector<double> ratios;
  for (int i = 0; i < 17; ++i) scales.push_back(0.05 * (i + 1));
  for (int i = 0; i < 18; ++i) ratios.push_back(0.25 * (i + 1));
  const std::vector<double> table = random_values<double>(2 * 9 * 12, 0, 5, 1);
  const auto integral = contiguous_view(table.data(), int64_t{2}, int64_t{9}, int64_t{12});
  const AnchorGrid grid = grid_of(10, scales, ratios, 5);
  require(grid.count() > 2500, "too few anchors");
  require_same(propose(integral, grid, {-100, 0.5}, nullptr),
               propose(integral, grid, {-100, 0.5}, &serial));
}

const Register cuts("propose_regions: anchors may be cut anywhere", anchors_may_be_cut_anywhere);
const Register equal("propose_regions: CUDA equals the CPU", cuda_equals_cpu);
const Register many("propose_regions: CUDA takes any number of anchors",
                    cuda_takes_any_number_of_anchors);

}  // namespace
}  // namespace raz::testing
