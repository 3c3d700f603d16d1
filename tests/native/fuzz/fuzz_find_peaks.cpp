#include <utility>

#include "fuzz/fuzz.h"
#include "raz/find_peaks.h"

namespace raz::fuzz {
namespace {

using cpu::PeakMarks;

struct Found {
  std::vector<int64_t> counts;
  std::vector<float> points;
  std::vector<float> scores;
};

void require_same(const Found& found, const Found& expected) {
  require_same_values(found.counts, expected.counts, "counts");
  require_same_values(found.points, expected.points, "points");
  require_same_values(found.scores, expected.scores, "scores");
}

struct Problem {
  View<const float, 3> x;
  float threshold;
  int64_t smooth;
  std::optional<int64_t> most;

  std::vector<float> smoothed(int64_t b) const {
    std::vector<float> result;
    for (int64_t y = 0; y < x.size[1]; ++y) {
      for (int64_t u = 0; u < x.size[2]; ++u) result.push_back(smoothed(b, y, u));
    }
    return result;
  }

  // Plateau by plateau.
  std::vector<Peak> naive_peaks(int64_t b) const {
    const int64_t height = x.size[1];
    const int64_t width = x.size[2];
    const std::vector<float> map = smoothed(b);
    std::vector<bool> seen(map.size());
    std::vector<Peak> peaks;
    for (size_t first = 0; first < map.size(); ++first) {
      if (seen[first] || !(map[first] >= threshold)) continue;
      bool highest = true;
      std::vector<size_t> stack{first};
      seen[first] = true;
      while (!stack.empty()) {
        const size_t at = stack.back();
        stack.pop_back();
        const int64_t row = static_cast<int64_t>(at) / width;
        const int64_t column = static_cast<int64_t>(at) % width;
        for (int64_t y = std::max<int64_t>(row - 1, 0); y <= std::min(row + 1, height - 1); ++y) {
          for (int64_t u = std::max<int64_t>(column - 1, 0); u <= std::min(column + 1, width - 1);
               ++u) {
            const auto other = static_cast<size_t>(y * width + u);
            if (!(map[other] <= map[first])) highest = false;
            if (map[other] != map[first] || seen[other]) continue;
            seen[other] = true;
            stack.push_back(other);
          }
        }
      }
      if (highest) peaks.push_back({static_cast<int64_t>(first), map[first]});
    }
    return peaks;
  }

  Found naive() const {
    std::vector<std::vector<Peak>> of_images;
    size_t rows = 0;
    for (int64_t b = 0; b < x.size[0]; ++b) {
      of_images.push_back(naive_peaks(b));
      rows = std::max(rows, of_images.back().size());
    }
    if (most) rows = static_cast<size_t>(*most);
    Found found;
    for (std::vector<Peak>& peaks : of_images) {
      found.counts.push_back(static_cast<int64_t>(peaks.size()));
      if (peaks.size() > rows) keep_highest(peaks, rows);
      for (size_t k = 0; k < rows; ++k) {
        const bool used = k < peaks.size();
        found.points.push_back(used ? static_cast<float>(peaks[k].index % x.size[2]) + 0.5f
                                    : -1.0f);
        found.points.push_back(used ? static_cast<float>(peaks[k].index / x.size[2]) + 0.5f
                                    : -1.0f);
        found.scores.push_back(used ? peaks[k].score : 0.0f);
      }
    }
    if (found.counts.empty()) found.counts.resize(static_cast<size_t>(x.size[0]));
    return found;
  }

  // As the adapter calls the kernels.
  Found by_cpu(const Parallel& parallel, cpu::InstructionSet set) const {
    const int64_t batch = x.size[0];
    const int64_t words = PeakMarks::words(x.size[2]);
    const int64_t bands = PeakMarks::bands(x.size[1]);
    std::vector<int64_t> bits(static_cast<size_t>(batch * x.size[1] * words * 2), -1);
    std::vector<int64_t> marked(static_cast<size_t>(batch * bands * 2), -1);
    const PeakMarks marks{row_major(bits.data(), batch, x.size[1], words, 2),
                          row_major(marked.data(), batch, bands, 2)};
    cpu::mark_peaks(x, threshold, smooth, marks, parallel, set);
    Found found{std::vector<int64_t>(static_cast<size_t>(batch)), {}, {}};
    const auto greatest = [&](PeakMarks::Plane plane) {
      cpu::count_marks(marks, plane, row_major(found.counts.data(), batch));
      return batch == 0 ? 0 : *std::max_element(found.counts.begin(), found.counts.end());
    };
    const int64_t tied = greatest(PeakMarks::tied);
    if (tied > 0) {
      std::vector<int64_t> stack(static_cast<size_t>(batch * tied));
      cpu::settle_plateaus(x, smooth, marks, row_major(stack.data(), batch, tied), parallel);
    }
    const int64_t peaks = greatest(PeakMarks::peak);
    const int64_t rows = most.value_or(peaks);
    const int64_t sorted = peaks > rows ? peaks : 0;
    std::vector<Peak> workspace(static_cast<size_t>(batch * sorted));
    found.points.resize(static_cast<size_t>(batch * rows * 2), 7);
    found.scores.resize(static_cast<size_t>(batch * rows), 7);
    cpu::write_peaks(x, smooth, marks, row_major(std::as_const(found.counts).data(), batch),
                     row_major(workspace.data(), batch, sorted),
                     row_major(found.points.data(), batch, rows, 2),
                     row_major(found.scores.data(), batch, rows), parallel);
    return found;
  }

#ifdef RAZ_FUZZ_CUDA
  Found by_cuda() const {
    const int64_t batch = x.size[0];
    const auto bytes =
        static_cast<size_t>(cuda::find_peaks_workspace(batch, x.size[1], x.size[2])) * 4;
    // Two 8-byte words for each 16 bytes: as aligned as the memory of a GPU.
    std::vector<uint64_t> workspace((bytes + 15) / 16 * 2, ~uint64_t{0});
    auto* const words = reinterpret_cast<uint32_t*>(workspace.data());
    Found found{std::vector<int64_t>(static_cast<size_t>(batch), -5), {}, {}};
    require(cuda::find_peaks(x, threshold, smooth, words, row_major(found.counts.data(), batch),
                             nullptr) == 0,
            "no launch");
    const int64_t peaks =
        batch == 0 ? 0 : *std::max_element(found.counts.begin(), found.counts.end());
    const int64_t rows = most.value_or(peaks);
    found.points.resize(static_cast<size_t>(batch * rows * 2), 7);
    found.scores.resize(static_cast<size_t>(batch * rows), 7);
    require(cuda::write_peaks(x.size, words, row_major(std::as_const(found.counts).data(), batch),
                              row_major(found.points.data(), batch, rows, 2),
                              row_major(found.scores.data(), batch, rows), nullptr) == 0,
            "no launch");
    return found;
  }
#endif

 private:
  float smoothed(int64_t b, int64_t y, int64_t u) const {
    if (smooth == 1) return x(b, y, u);
    const auto at = [&](int64_t row, int64_t column) {
      const bool inside = 0 <= row && row < x.size[1] && 0 <= column && column < x.size[2];
      return inside ? x(b, row, column) : 0.0f;
    };
    float rows[3];
    for (int i = 0; i < 3; ++i) {
      const int64_t row = y + i - 1;
      rows[i] = (at(row, u - 1) + at(row, u)) + at(row, u + 1);
    }
    const int64_t down = std::min(y + 1, x.size[1] - 1) - std::max<int64_t>(y - 1, 0) + 1;
    const int64_t across = std::min(u + 1, x.size[2] - 1) - std::max<int64_t>(u - 1, 0) + 1;
    return ((rows[0] + rows[1]) + rows[2]) / static_cast<float>(down * across);
  }

  static void keep_highest(std::vector<Peak>& peaks, size_t rows) {
    std::stable_sort(peaks.begin(), peaks.end(),
                     [](const Peak& a, const Peak& b) { return a.score > b.score; });
    peaks.resize(rows);
    std::sort(peaks.begin(), peaks.end(),
              [](const Peak& a, const Peak& b) { return a.index < b.index; });
  }
};

}  // namespace

void try_one(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t smooth = bytes.once_in(2) ? 1 : 3;
  std::optional<int64_t> most;
  if (bytes.once_in(2)) most = bytes.between(0, 9);
  // Any float: the operator refuses NaN, the adapter does not.
  const float threshold = bytes.once_in(4) ? bytes.number<float>() : 0.25f;
  const int64_t batch = bytes.between(0, 3);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const Input<float, 3> x(bytes, number<float>, batch, height, width);
  const Problem problem{x.view(), threshold, smooth, most};
  const Found expected = problem.naive();
  for_each_way([&](const Parallel& parallel, cpu::InstructionSet set) {
    require_same(problem.by_cpu(parallel, set), expected);
  });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  require_same(problem.by_cuda(), expected);
#endif
}

}  // namespace raz::fuzz
