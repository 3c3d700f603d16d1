#include "fuzz/fuzz.h"
#include "raz/integral_image.h"
#include "raz/overlap.h"
#include "raz/propose_regions.h"

namespace raz::fuzz {
namespace {

struct Proposed {
  std::vector<float> boxes;
  std::vector<float> scores;
  std::vector<int64_t> counts;
};

struct Problem {
  View<const double, 3> integral;
  AnchorGrid grid;
  RegionLimits limits;
  int64_t most;

  template <class Run>
  Proposed proposed(float mark, Run&& run) const {
    const int64_t images = integral.size[0];
    const int64_t count = grid.count();
    std::vector<float> anchors(static_cast<size_t>(count * 4), mark);
    std::vector<float> anchor_scores(static_cast<size_t>(images * count), mark);
    Proposed result{std::vector<float>(static_cast<size_t>(images * most * 4), mark),
                    std::vector<float>(static_cast<size_t>(images * most), mark),
                    std::vector<int64_t>(static_cast<size_t>(images), -1)};
    run(RegionWorkspace{row_major(anchors.data(), 4, count),
                        row_major(anchor_scores.data(), images, count)},
        Regions{row_major(result.boxes.data(), images, most, 4),
                row_major(result.scores.data(), images, most),
                row_major(result.counts.data(), images)});
    return result;
  }

  void require_regions(const Proposed& found) const {
    const auto height = static_cast<float>(integral.size[1] - 1);
    const auto width = static_cast<float>(integral.size[2] - 1);
    for (size_t b = 0; b < found.counts.size(); ++b) {
      const int64_t count = found.counts[b];
      require(0 <= count && count <= std::min(most, grid.count()), "a count is out of range");
      const float* const boxes = found.boxes.data() + b * static_cast<size_t>(most) * 4;
      const float* const scores = found.scores.data() + b * static_cast<size_t>(most);
      for (int64_t k = 0; k < most; ++k) {
        const float* const box = boxes + k * 4;
        if (k >= count) {
          require(scores[k] == 0 && std::all_of(box, box + 4, [](float e) { return e == 0; }),
                  "a row that is not used is not 0");
          continue;
        }
        require(0 <= box[0] && box[0] < box[2] && box[2] <= width, "a box leaves the map");
        require(0 <= box[1] && box[1] < box[3] && box[3] <= height, "a box leaves the map");
        require(scores[k] >= static_cast<float>(limits.score_threshold), "a score is too low");
        require(k == 0 || scores[k] <= scores[k - 1], "scores ascend");
      }
    }
  }
};

}  // namespace

void try_one(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  // The operator checks scales, ratios and limits before torch is called; the adapter does not.
  const bool checked = !bytes.once_in(8);
  const auto any = number<double>;
  const auto size = [checked](Bytes& from) {
    return checked ? from.positive<double>() : from.number<double>();
  };
  const int64_t batch = bytes.between(0, 2);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const auto share = [](Bytes& from) {
    return from.once_in(16) ? from.number<float>() : static_cast<float>(from.byte()) / 256;
  };
  const Input<float, 3> attention(bytes, share, batch, height, width);
  std::vector<double> table(static_cast<size_t>(batch * (height + 1) * (width + 1)));
  std::vector<double> columns(static_cast<size_t>(batch * width));
  cpu::integral_image(attention.view(), row_major(table.data(), batch, height + 1, width + 1),
                      row_major(columns.data(), batch, width), serial,
                      cpu::InstructionSet::baseline);
  const Input<double, 1> scales(bytes, size, bytes.between(0, 4));
  const Input<double, 1> ratios(bytes, size, bytes.between(0, 4));
  const int64_t points = bytes.between(0, 40);
  const double iou = checked ? static_cast<double>(bytes.byte()) / 255 : any(bytes);
  const Problem problem{
      row_major(static_cast<const double*>(table.data()), batch, height + 1, width + 1),
      {points, scales.view(), ratios.view(), static_cast<int64_t>(bytes.word(8))},
      {checked ? bytes.finite<double>() : any(bytes), iou},
      bytes.between(0, 12)};
  const auto by_cpu = [&](float mark, const Parallel& parallel) {
    return problem.proposed(mark, [&](const RegionWorkspace& workspace, const Regions& regions) {
      cpu::propose_regions(problem.integral, problem.grid, problem.limits, workspace, regions,
                           parallel);
    });
  };
  const Proposed expected = by_cpu(-1, serial);
  if (checked) problem.require_regions(expected);
  const auto require_same = [&](const Proposed& found) {
    require_same_values(found.boxes, expected.boxes, "boxes");
    require_same_values(found.scores, expected.scores, "scores");
    require_same_values(found.counts, expected.counts, "counts");
  };
  for_each_cut([&](const Parallel& parallel) { require_same(by_cpu(-2, parallel)); });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  require_same(problem.proposed(-2, [&](const RegionWorkspace& workspace, const Regions& regions) {
    require(cuda::propose_regions(problem.integral, problem.grid, problem.limits, workspace,
                                  regions, nullptr) == 0,
            "no launch");
  }));
#endif
}

}  // namespace raz::fuzz
