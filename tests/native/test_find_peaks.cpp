#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "raz/find_peaks.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Aligned as the memory of a GPU.
struct alignas(16) CudaWords {
  uint32_t word[4];
};

struct Found {
  std::vector<int64_t> counts;
  std::vector<float> points;
  std::vector<float> scores;
};

Found find(View<const float, 3> x, float threshold, int64_t smooth, int64_t limit,
           const Parallel& parallel, cpu::InstructionSet set) {
  using cpu::PeakMarks;
  const int64_t batch = x.size[0];
  const int64_t words = PeakMarks::words(x.size[2]);
  const int64_t bands = PeakMarks::bands(x.size[1]);
  std::vector<int64_t> bits(static_cast<size_t>(batch * x.size[1] * words * 2), -1);
  std::vector<int64_t> marked(static_cast<size_t>(batch * bands * 2), -1);
  const PeakMarks marks{contiguous_view(bits.data(), batch, x.size[1], words, int64_t{2}),
                        contiguous_view(marked.data(), batch, bands, int64_t{2})};
  cpu::mark_peaks(x, threshold, smooth, marks, parallel, set);

  Found found{std::vector<int64_t>(static_cast<size_t>(batch)), {}, {}};
  const auto counts = contiguous_view(found.counts.data(), batch);
  const auto most = [&](PeakMarks::Plane plane) {
    cpu::count_marks(marks, plane, counts);
    return batch == 0 ? 0 : *std::max_element(found.counts.begin(), found.counts.end());
  };
  const int64_t tied = most(PeakMarks::tied);
  std::vector<int64_t> stack(static_cast<size_t>(batch * tied));
  cpu::settle_plateaus(x, smooth, marks, contiguous_view(stack.data(), batch, tied), parallel);

  const int64_t peaks = most(PeakMarks::peak);
  const int64_t rows = std::min(peaks, limit);
  std::vector<Peak> workspace(static_cast<size_t>(batch * peaks));
  found.points.resize(static_cast<size_t>(batch * rows * 2));
  found.scores.resize(static_cast<size_t>(batch * rows));
  cpu::write_peaks(x, smooth, marks,
                   contiguous_view(static_cast<const int64_t*>(found.counts.data()), batch),
                   contiguous_view(workspace.data(), batch, peaks),
                   contiguous_view(found.points.data(), batch, rows, int64_t{2}),
                   contiguous_view(found.scores.data(), batch, rows), parallel);
  return found;
}

// For each limit: the peaks that CUDA finds.
std::vector<Found> find_by_cuda(View<const float, 3> x, float threshold, int64_t smooth,
                                const std::vector<int64_t>& limits) {
  const int64_t batch = x.size[0];
  const int64_t words = cuda::find_peaks_workspace(batch, x.size[1], x.size[2]);
  std::vector<CudaWords> workspace(static_cast<size_t>(words / 4 + 1),
                                   CudaWords{{~0u, ~0u, ~0u, ~0u}});
  std::vector<int64_t> counts(static_cast<size_t>(batch), -5);
  const int error = cuda::find_peaks(x, threshold, smooth, workspace.data()->word,
                                     contiguous_view(counts.data(), batch), nullptr);
  require(error == 0, "launch of find_peaks failed");
  const int64_t peaks = batch == 0 ? 0 : *std::max_element(counts.begin(), counts.end());
  std::vector<Found> results;
  for (const int64_t limit : limits) {
    const int64_t rows = std::min(peaks, limit);
    Found found{counts, std::vector<float>(static_cast<size_t>(batch * rows * 2)),
                std::vector<float>(static_cast<size_t>(batch * rows))};
    const int write_error = cuda::write_peaks(
        x.size, workspace.data()->word, contiguous_view(std::as_const(counts).data(), batch),
        contiguous_view(found.points.data(), batch, rows, int64_t{2}),
        contiguous_view(found.scores.data(), batch, rows), nullptr);
    require(write_error == 0, "launch of write_peaks failed");
    results.push_back(found);
  }
  return results;
}

void require_same(const Found& found, const Found& expected) {
  require_same_bits(found.counts, expected.counts, "counts");
  require_same_bits(found.points, expected.points, "points");
  require_same_bits(found.scores, expected.scores, "scores");
}

constexpr int64_t no_limit = std::numeric_limits<int64_t>::max();

void require_cuda_equals_cpu(View<const float, 3> x, float threshold) {
  for (const int64_t smooth : {1, 3}) {
    // Each limit runs 512 threads an image: not every one for both.
    const std::vector<int64_t> limits =
        smooth == 1 ? std::vector<int64_t>{no_limit, 1, 0} : std::vector<int64_t>{no_limit, 7};
    const std::vector<Found> found = find_by_cuda(x, threshold, smooth, limits);
    for (size_t i = 0; i < limits.size(); ++i) {
      require_same(found[i],
                   find(x, threshold, smooth, limits[i], serial, cpu::best_instruction_set()));
    }
  }
}

// More than one tile of the CUDA kernels each way; widths that allow aligned reads and that do not.
constexpr int64_t large_shapes[][3] = {{1, 33, 260}, {1, 16, 128}, {2, 17, 129}};

// From few values, with many plateaus, to many, with none; NaN and infinities.
void cuda_equals_cpu() {
  uint32_t seed = 0;
  const auto check = [&](const int64_t (&shape)[3]) {
    const auto& [batch, height, width] = shape;
    const int64_t count = batch * height * width;
    for (const double high : {0.25, 1.0, 8.0}) {
      auto values = random_values<float>(count, 0, high, ++seed);
      for (float& value : values) value /= static_cast<float>(high);
      const float odd[] = {NAN, INFINITY, -INFINITY};
      for (size_t i = 0; high > 0.25 && i < 3 && i * 17 < values.size(); ++i)
        values[i * 17] = odd[i];
      require_cuda_equals_cpu(
          contiguous_view(static_cast<const float*>(values.data()), batch, height, width), 0.5f);
    }
  };
  for (const auto& shape : shapes) check(shape);
  for (const auto& shape : large_shapes) check(shape);
}

// Plateaus that cross tiles, alone and with a pixel that is not lower beside them: all of one
// value; a ring; stripes that join in the last row; -infinity at its threshold; nothing above it.
void cuda_plateaus_equal_cpu() {
  constexpr int64_t height = 37;
  constexpr int64_t width = 261;
  std::vector<float> values(height * width);
  const auto x =
      contiguous_view(static_cast<const float*>(values.data()), int64_t{1}, height, width);
  const auto draw = [&](auto&& value_at) {
    for (int64_t i = 0; i < height * width; ++i) {
      values[static_cast<size_t>(i)] = value_at(i / width, i % width);
    }
  };
  draw([](int64_t, int64_t) { return 1.0f; });
  require_cuda_equals_cpu(x, 0.5f);
  require_cuda_equals_cpu(x, 1.0f);
  require_cuda_equals_cpu(x, 2.0f);
  values.back() = 2.0f;
  require_cuda_equals_cpu(x, 0.5f);
  values.back() = NAN;
  require_cuda_equals_cpu(x, 0.5f);
  draw([](int64_t y, int64_t u) { return y < 2 || y > 34 || u < 2 || u > 258 ? 1.0f : 0.0f; });
  require_cuda_equals_cpu(x, 0.5f);
  draw([](int64_t y, int64_t u) { return y == height - 1 || u % 2 == 0 ? 1.0f : 0.0f; });
  require_cuda_equals_cpu(x, 0.25f);
  draw([](int64_t, int64_t) { return -INFINITY; });
  require_cuda_equals_cpu(x, -INFINITY);
  draw([](int64_t y, int64_t u) { return (y + u) % 5 == 0 ? -0.0f : 0.0f; });
  require_cuda_equals_cpu(x, 0.0f);
}

// Columns that are twice as long as the map, from their second pixel on.
void cuda_takes_any_strides() {
  constexpr int64_t height = 35;
  constexpr int64_t width = 140;
  const auto values = random_values<float>(height * width * 2, 0, 1, 1);
  require_cuda_equals_cpu({values.data() + 1, {1, height, width}, {0, 1, height * 2}}, 0.5f);
}

// Few values, so that there are plateaus; some maps hold a NaN; one is wider than a strip.
void rows_may_be_cut_anywhere() {
  uint32_t seed = 0;
  for (const auto& [batch, height, width] : shapes) {
    auto values = random_values<float>(batch * height * width, 0, 0.5, ++seed);
    for (float& value : values) value *= 2;
    if (values.size() > 30) values[20] = NAN;
    const auto x = contiguous_view(static_cast<const float*>(values.data()), batch, height, width);
    for (const int64_t smooth : {1, 3}) {
      for (const int64_t limit : {no_limit, int64_t{2}}) {
        const Found whole = find(x, 0.5f, smooth, limit, serial, cpu::InstructionSet::baseline);
        for (int set = 0; set <= static_cast<int>(cpu::best_instruction_set()); ++set) {
          const Found cut =
              find(x, 0.5f, smooth, limit, piecewise, static_cast<cpu::InstructionSet>(set));
          require_same(cut, whole);
        }
      }
    }
  }
}

const Register cuda("find_peaks: CUDA equals CPU", cuda_equals_cpu);
const Register plateaus("find_peaks: CUDA equals CPU, plateaus", cuda_plateaus_equal_cpu);
const Register strides("find_peaks: CUDA takes any strides", cuda_takes_any_strides);
const Register rows("find_peaks: rows may be cut anywhere", rows_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
