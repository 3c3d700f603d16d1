#include <algorithm>
#include <cmath>
#include <memory>

#include "cpu/score_order.h"
#include "raz/point_nms.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Coordinates on a coarse grid; some are not finite or enormous, some scores are NaN.
void what_is_kept_is_apart_and_sorted() {
  uint32_t seed = 0;
  for (const int64_t count : {0, 1, 2, 33, 200, 3000}) {
    auto coordinates = random_values<float>(count * 2, -8, 8, ++seed);
    auto scores = random_values<float>(count, 0, 2, ++seed);
    if (count > 30) {
      coordinates[3] = NAN;
      coordinates[8] = INFINITY;
      coordinates[14] = -3e38f;
      scores[5] = NAN;
    }
    const auto points =
        contiguous_view(static_cast<const float*>(coordinates.data()), count, int64_t{2});
    for (const float radius : {0.0f, 1e-25f, 1.0f, 3.0f, point_nms_max_radius}) {
      std::vector<int64_t> workspace(static_cast<size_t>(cpu::point_nms_workspace(count)));
      std::vector<int64_t> keep(static_cast<size_t>(count));
      const auto run = [&](cpu::InstructionSet set) {
        return cpu::point_nms(points,
                              contiguous_view(static_cast<const float*>(scores.data()), count), {},
                              radius, {}, workspace.data(), keep.data(), set);
      };
      const int64_t kept = run(cpu::InstructionSet::baseline);
      const std::vector<int64_t> expected = keep;
      require(run(cpu::best_instruction_set()) == kept, "instruction sets keep different numbers");
      require_same_bits(keep, expected, "keep");
      require(kept > 0 || count == 0, "nothing is kept");
      for (int64_t k = 0; k < std::min<int64_t>(kept, 300); ++k) {
        for (int64_t m = 0; m < k; ++m) {
          const float dx = points(keep[k], 0) - points(keep[m], 0);
          const float dy = points(keep[k], 1) - points(keep[m], 1);
          require(!(dx * dx + dy * dy <= radius * radius), "two kept points are within the radius");
          require(scores[keep[m]] >= scores[keep[k]], "scores ascend");
        }
      }
    }
  }
}

void scores_are_ranked_as_by_a_stable_sort() {
  for (const int64_t count : {0, 1, 5, 700, 5000}) {
    auto scores = random_values<float>(count, -20, 20, static_cast<uint32_t>(count));
    for (int64_t i = 0; i < count; i += 7) scores[i] *= 1e-30f;
    const float special[] = {NAN, -0.0f, 0.0f, INFINITY, -INFINITY, 1e-45f, -1e-45f, 3e38f, -NAN};
    for (int64_t i = 0; i + 3 < count; i += 11) scores[i + 3] = special[i / 11 % 9];
    std::vector<uint32_t> expected;
    for (int64_t i = 0; i < count; ++i) {
      if (!std::isnan(scores[i])) expected.push_back(static_cast<uint32_t>(i));
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
    std::vector<cpu::Ranked> ranked(static_cast<size_t>(count));
    std::vector<cpu::Ranked> spare(static_cast<size_t>(count));
    const int64_t numbers =
        cpu::rank_by_score(contiguous_view(static_cast<const float*>(scores.data()), count),
                           ranked.data(), spare.data());
    std::vector<uint32_t> indexes;
    for (int64_t n = 0; n < numbers; ++n) indexes.push_back(ranked[n].index);
    require_same_bits(indexes, expected, "ranked");
  }
}

struct Nms {
  View<const float, 2> points;
  View<const float, 1> scores;
  View<const int64_t, 1> batch;
  float radius;
  View<const float, 1> radii = {};
};

std::vector<int64_t> keep_by_cpu(const Nms& nms) {
  const int64_t count = nms.points.size[0];
  std::vector<int64_t> workspace(static_cast<size_t>(cpu::point_nms_workspace(count)));
  std::vector<int64_t> keep(static_cast<size_t>(count));
  const int64_t kept = cpu::point_nms(nms.points, nms.scores, nms.batch, nms.radius, nms.radii,
                                      workspace.data(), keep.data(), cpu::best_instruction_set());
  keep.resize(static_cast<size_t>(kept));
  return keep;
}

void require_same_list(const Nms& nms) {
  const int64_t count = nms.points.size[0];
  std::vector<int64_t> workspace(static_cast<size_t>(cuda::point_nms_workspace(count)), -1);
  int64_t total = -1;
  int error = cuda::point_nms_count(nms.points, nms.scores, nms.batch, nms.radius, nms.radii,
                                    workspace.data(), &total, nullptr);
  require(error == 0 && 0 <= total && total <= count, "no count");
  std::vector<int64_t> keep(static_cast<size_t>(total));
  error = cuda::point_nms_keep(count, workspace.data(), keep.data(), nullptr);
  require(error == 0, "launch failed");
  require_same_bits(keep, keep_by_cpu(nms), "keep");
}

void require_same_mask(const Nms& nms) {
  const int64_t count = nms.points.size[0];
  std::vector<int64_t> workspace(static_cast<size_t>(cuda::point_nms_workspace(count)), -1);
  const auto mask = std::make_unique<bool[]>(static_cast<size_t>(2 * count));
  const int error = cuda::point_nms_mask(nms.points, nms.scores, nms.batch, nms.radius, nms.radii,
                                         workspace.data(), {mask.get(), {count}, {2}}, nullptr);
  require(error == 0, "launch failed");
  std::vector<int64_t> marked;
  for (int64_t i = 0; i < count; ++i) {
    if (mask[static_cast<size_t>(2 * i)]) marked.push_back(i);
  }
  std::vector<int64_t> expected = keep_by_cpu(nms);
  std::sort(expected.begin(), expected.end());
  require_same_bits(marked, expected, "mask");
}

// Radii on a coarse grid, the last of them above most bounds; some are negative, NaN or infinite.
std::vector<float> random_radii(int64_t count, uint32_t seed) {
  auto radii = random_values<float>(count, -1, 6, seed);
  const float special[] = {NAN, -0.0f, INFINITY, -INFINITY, 1e-25f, 3e38f, 0.0f};
  for (int64_t i = 0; i < count; i += 13) radii[i] = special[i / 13 % 7];
  return radii;
}

// The rule itself, point by point.
std::vector<int64_t> keep_naively(const Nms& nms) {
  std::vector<int64_t> order;
  for (int64_t i = 0; i < nms.points.size[0]; ++i) {
    if (!std::isnan(nms.scores(i))) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return nms.scores(a) > nms.scores(b); });
  std::vector<int64_t> keep;
  for (const int64_t i : order) {
    const float own = nms.radii(i);
    const float radius = std::min(own, nms.radius);
    const auto suppresses = [&](int64_t j) {
      const float dx = nms.points(i, 0) - nms.points(j, 0);
      const float dy = nms.points(i, 1) - nms.points(j, 1);
      const bool together = nms.batch.data == nullptr || nms.batch(i) == nms.batch(j);
      return together && own >= 0 && dx * dx + dy * dy <= radius * radius;
    };
    if (std::none_of(keep.begin(), keep.end(), suppresses)) keep.push_back(i);
  }
  return keep;
}

void radii_of_points() {
  uint32_t seed = 0;
  for (const int64_t count : {0, 1, 33, 300}) {
    auto coordinates = random_values<float>(count * 2, -12, 12, ++seed);
    const auto scores = random_values<float>(count, -1, 3, ++seed);
    const auto images = random_values<int64_t>(count, -1, 1, ++seed);
    // Of every other entry.
    const std::vector<float> radii = random_radii(2 * count, ++seed);
    for (int64_t i = 7; i < count; i += 29) coordinates[i] = i % 2 == 0 ? NAN : 3e38f;
    const auto points =
        contiguous_view(static_cast<const float*>(coordinates.data()), count, int64_t{2});
    const View<const float, 1> of_points = contiguous_view(scores.data(), count);
    const View<const float, 1> strided{radii.data(), {count}, {2}};
    const View<const int64_t, 1> batch = contiguous_view(images.data(), count);
    for (const float radius : {0.0f, 1.0f, 4.0f, point_nms_max_radius}) {
      for (const View<const int64_t, 1>& labels : {View<const int64_t, 1>{}, batch}) {
        const Nms nms{points, of_points, labels, radius, strided};
        require_same_bits(keep_by_cpu(nms), keep_naively(nms), "keep");
        require_same_list(nms);
      }
    }
    require_same_mask({points, of_points, batch, 4.0f, strided});
    // The bound, or more, of every point: as without radii.
    const std::vector<float> equal(static_cast<size_t>(2 * count), count % 2 == 0 ? 3.0f : 1e30f);
    const Nms nms{points, of_points, batch, 3.0f, {equal.data(), {count}, {2}}};
    require_same_bits(keep_by_cpu(nms), keep_by_cpu({points, of_points, batch, 3.0f}), "keep");
    require_same_list(nms);
  }
}

// Points of coarse coordinates; some are not finite or enormous, some scores are NaN.
void cuda_equals_cpu() {
  uint32_t seed = 0;
  for (const int64_t count : {0, 1, 33, 300}) {
    auto coordinates = random_values<float>(count * 2, -20, 20, ++seed);
    auto scores = random_values<float>(count, -1, 3, ++seed);
    auto images = random_values<int64_t>(count, -2, 1, ++seed);
    for (int64_t i = 0; i < count; i += 29) {
      const float special[] = {NAN, INFINITY, -INFINITY, -3e38f, 1e-24f, 2e-24f, -0.0f};
      coordinates[i] = special[i / 29 % 7];
      scores[i] = special[i / 29 % 5];
      images[i] = i % 2 == 0 ? INT64_MIN : INT64_MAX;
    }
    const auto points =
        contiguous_view(static_cast<const float*>(coordinates.data()), count, int64_t{2});
    const auto of_points = contiguous_view(static_cast<const float*>(scores.data()), count);
    for (const float radius : {0.0f, 1e-25f, 2.0f, point_nms_max_radius}) {
      require_same_list({points, of_points, {}, radius});
    }
    const auto batch = contiguous_view(static_cast<const int64_t*>(images.data()), count);
    require_same_list({points, of_points, batch, 2.0f});
    require_same_mask({points, of_points, batch, 4.0f});
  }
}

// Labels that are one as doubles are images of their own; so are the ends of int64.
void labels_are_any_integers() {
  constexpr int64_t count = 300;
  const std::vector<float> coordinates(2 * count, 1.0f);
  const std::vector<float> scores(count, 1.0f);
  const std::vector<float> radii(count, 2.0f);
  const auto points = contiguous_view(coordinates.data(), count, int64_t{2});
  const auto of_points = contiguous_view(scores.data(), count);
  for (const int64_t start : {INT64_MIN, -(int64_t{1} << 53), int64_t{0}, int64_t{1} << 53,
                              int64_t{1} << 62, INT64_MAX - count}) {
    std::vector<int64_t> images;
    for (int64_t i = 0; i < count; ++i) images.push_back(start + i);
    const auto batch = contiguous_view(static_cast<const int64_t*>(images.data()), count);
    const Nms nms{points, of_points, batch, 2.0f};
    require(keep_by_cpu(nms).size() == count, "points of different images meet");
    require_same_list(nms);
    require_same_list({points, of_points, batch, 2.0f, contiguous_view(radii.data(), count)});
    images.front() = INT64_MIN;
    images.back() = INT64_MAX;
    require_same_list(nms);
  }
}

// Each point waits for the one before, through all blocks.
void cuda_decides_long_rows() {
  for (const int64_t count : {40, 300}) {
    std::vector<float> coordinates;
    std::vector<float> scores;
    for (int64_t i = 0; i < count; ++i) {
      coordinates.insert(coordinates.end(), {static_cast<float>(i), 0});
      scores.push_back(static_cast<float>(-i));
    }
    require_same_list(
        {contiguous_view(static_cast<const float*>(coordinates.data()), count, int64_t{2}),
         contiguous_view(static_cast<const float*>(scores.data()), count),
         {},
         1.0f});
  }
}

const Register equal("point_nms: CUDA equals the CPU", cuda_equals_cpu);
const Register radii("point_nms: radii of points", radii_of_points);
const Register labels("point_nms: labels are any integers", labels_are_any_integers);
const Register rows("point_nms: CUDA decides long rows", cuda_decides_long_rows);
const Register ranked("point_nms: scores are ranked as by a stable sort",
                      scores_are_ranked_as_by_a_stable_sort);
const Register apart("point_nms: what is kept is apart and sorted",
                     what_is_kept_is_apart_and_sorted);

}  // namespace
}  // namespace raz::testing
