#include <memory>

#include "fuzz/fuzz.h"
#include "raz/point_nms.h"

namespace raz::fuzz {
namespace {

struct Problem {
  View<const float, 2> points;
  View<const float, 1> scores;
  View<const int64_t, 1> batch;
  float radius;
  View<const float, 1> radii;

  // The rule, point by point.
  std::vector<int64_t> kept_naively() const {
    std::vector<int64_t> order;
    for (int64_t i = 0; i < points.size[0]; ++i) {
      if (!std::isnan(scores(i))) order.push_back(i);
    }
    std::stable_sort(order.begin(), order.end(),
                     [&](int64_t a, int64_t b) { return scores(a) > scores(b); });
    std::vector<int64_t> keep;
    for (const int64_t i : order) {
      if (std::none_of(keep.begin(), keep.end(), [&](int64_t j) { return suppresses(j, i); })) {
        keep.push_back(i);
      }
    }
    return keep;
  }

  bool suppresses(int64_t j, int64_t i) const {
    const float own = radii.data == nullptr ? radius : radii(i);
    const float reach = std::min(own, radius);
    const float dx = points(i, 0) - points(j, 0);
    const float dy = points(i, 1) - points(j, 1);
    const bool together = batch.data == nullptr || batch(i) == batch(j);
    return together && own >= 0 && dx * dx + dy * dy <= reach * reach;
  }

  std::vector<int64_t> kept(cpu::InstructionSet set) const {
    const int64_t count = points.size[0];
    const auto workspace = std::make_unique_for_overwrite<int64_t[]>(
        static_cast<size_t>(cpu::point_nms_workspace(count)));
    std::vector<int64_t> keep(static_cast<size_t>(count), -1);
    const int64_t total =
        cpu::point_nms(points, scores, batch, radius, radii, workspace.get(), keep.data(), set);
    require(0 <= total && total <= count, "more points are kept than there are");
    keep.resize(static_cast<size_t>(total));
    return keep;
  }

#ifdef RAZ_FUZZ_CUDA
  std::vector<int64_t> kept_by_cuda() const {
    const int64_t count = points.size[0];
    // A multiple of 16 bytes.
    const auto workspace = std::make_unique_for_overwrite<int64_t[]>(
        static_cast<size_t>(cuda::point_nms_workspace(count)));
    int64_t total = -1;
    require(cuda::point_nms_count(points, scores, batch, radius, radii, workspace.get(), &total,
                                  nullptr) == 0 &&
                0 <= total && total <= count,
            "no count");
    std::vector<int64_t> keep(static_cast<size_t>(total), -1);
    require(cuda::point_nms_keep(count, workspace.get(), keep.data(), nullptr) == 0, "no launch");
    return keep;
  }
#endif
};

float radius_of(Bytes& bytes) {
  return std::min(std::abs(bytes.finite<float>()), point_nms_max_radius);
}

}  // namespace

void try_one(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t count = bytes.between(0, 200);
  const Input<float, 2> points(bytes, number<float>, count, 2);
  const Input<float, 1> scores(bytes, number<float>, count);
  const Labels batch = labels(bytes, count, 3);
  std::optional<Input<float, 1>> radii;
  if (bytes.once_in(2)) radii.emplace(bytes, number<float>, count);
  const Problem problem{points.view(), scores.view(), view_or_none(batch), radius_of(bytes),
                        view_or_none(radii)};
  const std::vector<int64_t> expected = problem.kept_naively();
  for (int set = 0; set <= static_cast<int>(cpu::best_instruction_set()); ++set) {
    const auto keep =
        once_or_at_once([&] { return problem.kept(static_cast<cpu::InstructionSet>(set)); });
    require_same_values(keep, expected, "keep");
  }
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  require_same_values(problem.kept_by_cuda(), expected, "keep of CUDA");
#endif
}

}  // namespace raz::fuzz
