#include "raz/find_peaks.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace raz::cpu {
namespace {

using Image = View<const float, 2>;

// Columns that are worked on at once: the row buffers stay on the stack and in the L1 cache.
constexpr int64_t strip_width = 512;
constexpr uint8_t visited = 0x80;

// How many of i - 1, i, i + 1 lie in [0, size).
int64_t inside(int64_t i, int64_t size) {
  return std::min(i + 2, size) - std::max<int64_t>(i - 1, 0);
}

float smoothed_at(Image image, int64_t y, int64_t x, int64_t smooth) {
  if (smooth == 1) return image(y, x);
  const int64_t height = image.size[0];
  const int64_t width = image.size[1];
  float row[3];
  for (int64_t dy = -1; dy <= 1; ++dy) {
    float pixel[3] = {0.0f, 0.0f, 0.0f};
    for (int64_t dx = -1; dx <= 1; ++dx) {
      const bool in = y + dy >= 0 && y + dy < height && x + dx >= 0 && x + dx < width;
      if (in) pixel[dx + 1] = image(y + dy, x + dx);
    }
    row[dy + 1] = (pixel[0] + pixel[1]) + pixel[2];
  }
  const auto n = static_cast<float>(inside(y, height) * inside(x, width));
  return ((row[0] + row[1]) + row[2]) / n;
}

// Three rows of the smoothed map over columns [begin - 1, end + 1): -inf outside the image.
class Strip {
 public:
  Strip(Image image, int64_t begin, int64_t end, int64_t smooth)
      : image_(image), begin_(begin), end_(end), smooth_(smooth) {}

  // Element i is column begin - 1 + i. Good until row y + 3 is made.
  const float* row(int64_t y) const { return smoothed_[slot(y)]; }

  // To be called before the first make(y).
  void start(int64_t y) {
    sum_row(y - 1);
    sum_row(y);
  }

  // Makes row y; rows are made one after the other.
  void make(int64_t y) {
    sum_row(y + 1);
    const int64_t count = end_ - begin_ + 2;
    float* __restrict out = smoothed_[slot(y)];
    if (y < 0 || y >= image_.size[0]) {
      std::fill(out, out + count, outside_);
      return;
    }
    if (smooth_ == 1) {
      std::copy(sums_[slot(y)], sums_[slot(y)] + count, out);
    } else {
      mean(y, count, out);
    }
    if (begin_ == 0) out[0] = outside_;
    if (end_ == image_.size[1]) out[count - 1] = outside_;
  }

 private:
  static constexpr float outside_ = -std::numeric_limits<float>::infinity();

  static int64_t slot(int64_t y) { return (y + 3) % 3; }

  void mean(int64_t y, int64_t count, float* __restrict out) const {
    const float* r0 = sums_[slot(y - 1)];
    const float* r1 = sums_[slot(y)];
    const float* r2 = sums_[slot(y + 1)];
    const int64_t rows = inside(y, image_.size[0]);
    const auto n = static_cast<float>(3 * rows);
    for (int64_t i = 0; i < count; ++i) out[i] = ((r0[i] + r1[i]) + r2[i]) / n;
    const int64_t last = image_.size[1] - 1;
    for (const int64_t x : {int64_t{0}, last}) {
      const int64_t i = x - begin_ + 1;
      if (i < 0 || i >= count) continue;
      const auto fewer = static_cast<float>(rows * inside(x, image_.size[1]));
      out[i] = ((r0[i] + r1[i]) + r2[i]) / fewer;
    }
  }

  // Sums of three pixels of row y, or the pixels themselves where nothing is smoothed.
  void sum_row(int64_t y) {
    const int64_t count = end_ - begin_ + 2;
    float* __restrict out = sums_[slot(y)];
    if (y < 0 || y >= image_.size[0]) {
      std::fill(out, out + count, 0.0f);
      return;
    }
    float pixels[strip_width + 4];  // element i is column begin - 2 + i; 0 outside
    load(y, pixels);
    if (smooth_ == 1) {
      std::copy(pixels + 1, pixels + 1 + count, out);
    } else {
      for (int64_t i = 0; i < count; ++i) out[i] = (pixels[i] + pixels[i + 1]) + pixels[i + 2];
    }
  }

  void load(int64_t y, float* __restrict pixels) const {
    const int64_t first = std::max<int64_t>(begin_ - 2, 0);
    const int64_t last = std::min(end_ + 2, image_.size[1]);
    const int64_t left = first - (begin_ - 2);
    const float* in = &image_(y, first);
    std::fill(pixels, pixels + left, 0.0f);
    if (image_.stride[1] == 1) {
      std::copy(in, in + (last - first), pixels + left);
    } else {
      for (int64_t i = 0; i < last - first; ++i) pixels[left + i] = in[i * image_.stride[1]];
    }
    std::fill(pixels + left + (last - first), pixels + (end_ - begin_ + 4), 0.0f);
  }

  Image image_;
  int64_t begin_;
  int64_t end_;
  int64_t smooth_;
  float sums_[3][strip_width + 2];
  float smoothed_[3][strip_width + 2];
};

// Position of the first byte in [begin, end) that is not zero, or end.
int64_t next_mark(const uint8_t* marks, int64_t begin, int64_t end) {
  for (; begin + 8 <= end; begin += 8) {
    uint64_t eight;
    std::memcpy(&eight, marks + begin, sizeof eight);
    if (eight != 0) break;
  }
  while (begin < end && marks[begin] == 0) ++begin;
  return begin;
}

// marks[i] = 1 where mid[i + 1] >= threshold and none of its neighbours is greater or NaN.
void mark_candidates(const float* up, const float* mid, const float* down, float threshold,
                     int64_t count, uint8_t* __restrict marks) {
  for (int64_t i = 0; i < count; ++i) {
    const float v = mid[i + 1];
    marks[i] = (v >= threshold) & (mid[i] <= v) & (mid[i + 2] <= v) & (up[i] <= v) &
               (up[i + 1] <= v) & (up[i + 2] <= v) & (down[i] <= v) & (down[i + 1] <= v) &
               (down[i + 2] <= v);
  }
}

// Calls visit(y, x) for the neighbours of (y, x) inside the image.
template <class Visit>
void for_each_neighbour(int64_t y, int64_t x, int64_t height, int64_t width, Visit&& visit) {
  for (int64_t v = std::max<int64_t>(y - 1, 0); v < std::min(y + 2, height); ++v) {
    for (int64_t u = std::max<int64_t>(x - 1, 0); u < std::min(x + 2, width); ++u) {
      if (v != y || u != x) visit(v, u);
    }
  }
}

// Pass 1 on rows [y_begin, y_end): 0, or for a candidate 1 + the number of its equal neighbours.
void mark_rows(Image image, float threshold, int64_t smooth, int64_t y_begin, int64_t y_end,
               uint8_t* marks) {
  const int64_t height = image.size[0];
  const int64_t width = image.size[1];
  for (int64_t begin = 0; begin < width; begin += strip_width) {
    const int64_t count = std::min(strip_width, width - begin);
    Strip strip(image, begin, begin + count, smooth);
    strip.start(y_begin - 1);
    strip.make(y_begin - 1);
    strip.make(y_begin);
    for (int64_t y = y_begin; y < y_end; ++y) {
      strip.make(y + 1);
      uint8_t* row = marks + y * width + begin;
      mark_candidates(strip.row(y - 1), strip.row(y), strip.row(y + 1), threshold, count, row);
      for (int64_t i = next_mark(row, 0, count); i < count; i = next_mark(row, i + 1, count)) {
        const float value = strip.row(y)[i + 1];
        for_each_neighbour(y, begin + i, height, width, [&](int64_t v, int64_t u) {
          row[i] += strip.row(v)[u - begin + 1] == value;
        });
      }
    }
  }
}

// Visits the candidates connected to `first`. True when they are a whole plateau: every neighbour
// of equal value is a candidate too.
bool flood(int64_t first, int64_t height, int64_t width, uint8_t* marks,
           std::vector<int64_t>& stack) {
  bool whole = true;
  stack.assign(1, first);
  marks[first] |= visited;
  while (!stack.empty()) {
    const int64_t at = stack.back();
    stack.pop_back();
    int equal = (marks[at] & ~visited) - 1;
    for_each_neighbour(at / width, at % width, height, width, [&](int64_t y, int64_t x) {
      uint8_t& mark = marks[y * width + x];
      if (mark == 0) return;
      --equal;
      if (mark & visited) return;
      mark |= visited;
      stack.push_back(y * width + x);
    });
    whole = whole && equal == 0;
  }
  return whole;
}

// Pass 2 on one image: appends its peaks in raster order.
void collect(Image image, int64_t smooth, uint8_t* marks, std::vector<Peak>& peaks,
             std::vector<int64_t>& stack) {
  const int64_t height = image.size[0];
  const int64_t width = image.size[1];
  const int64_t end = height * width;
  for (int64_t at = next_mark(marks, 0, end); at < end; at = next_mark(marks, at + 1, end)) {
    if (marks[at] & visited) continue;
    if (marks[at] > 1 && !flood(at, height, width, marks, stack)) continue;
    peaks.push_back({at, smoothed_at(image, at / width, at % width, smooth)});
  }
}

// Leaves the `limit` highest of the peaks from `first` on, in raster order.
void keep_highest(std::vector<Peak>& peaks, int64_t first, int64_t limit) {
  const auto begin = peaks.begin() + first;
  std::nth_element(begin, begin + limit, peaks.end(), [](const Peak& a, const Peak& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
  });
  peaks.erase(begin + limit, peaks.end());
  std::sort(begin, peaks.end(), [](const Peak& a, const Peak& b) { return a.index < b.index; });
}

}  // namespace

void find_peaks(View<const float, 3> x, float threshold, int64_t smooth, int64_t limit,
                uint8_t* marks, View<int64_t, 1> counts, std::vector<Peak>& peaks,
                const Parallel& parallel) {
  const int64_t height = x.size[1];
  const int64_t width = x.size[2];
  const auto image = [&](int64_t b) {
    return Image{x.data + b * x.stride[0], {height, width}, {x.stride[1], x.stride[2]}};
  };
  peaks.clear();
  for (int64_t b = 0; b < x.size[0]; ++b) counts(b) = 0;
  if (x.numel() == 0) return;

  const int64_t grain = 1 + (int64_t{1} << 16) / width;
  parallel(x.size[0] * height, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t b = begin / height;
      const int64_t stop = std::min(end, (b + 1) * height);
      mark_rows(image(b), threshold, smooth, begin - b * height, stop - b * height,
                marks + b * height * width);
      begin = stop;
    }
  });

  std::vector<int64_t> stack;
  for (int64_t b = 0; b < x.size[0]; ++b) {
    const auto first = static_cast<int64_t>(peaks.size());
    collect(image(b), smooth, marks + b * height * width, peaks, stack);
    counts(b) = static_cast<int64_t>(peaks.size()) - first;
    if (counts(b) > limit) keep_highest(peaks, first, limit);
  }
}

void write_peaks(const std::vector<Peak>& peaks, View<const int64_t, 1> counts, int64_t limit,
                 int64_t width, View<float, 3> points, View<float, 2> scores) {
  const Peak* peak = peaks.data();
  for (int64_t b = 0; b < scores.size[0]; ++b) {
    const int64_t used = std::min(counts(b), limit);
    for (int64_t k = 0; k < used; ++k, ++peak) {
      points(b, k, 0) = static_cast<float>(peak->index % width) + 0.5f;
      points(b, k, 1) = static_cast<float>(peak->index / width) + 0.5f;
      scores(b, k) = peak->score;
    }
    for (int64_t k = used; k < scores.size[1]; ++k) {
      points(b, k, 0) = points(b, k, 1) = -1.0f;
      scores(b, k) = 0.0f;
    }
  }
}

}  // namespace raz::cpu
