#include "raz/find_peaks.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "raz/smoothed.h"

namespace raz::cpu {
namespace {

using Image = View<const float, 2>;

constexpr int64_t band_rows = PeakMarks::band_rows;
constexpr int64_t word_pixels = PeakMarks::word_pixels;
constexpr int64_t block_width = 16;   // columns of a band that are looked at or passed by together
constexpr int64_t strip_width = 512;  // columns whose buffers fit the stack and the L1 cache
constexpr int64_t margin = 2;         // pixels around a block that its marks depend on
constexpr int64_t buffer_width = strip_width + 2 * block_width;
constexpr float infinity = std::numeric_limits<float>::infinity();

// Sums that differ by more than this factor have means that differ, and stay so after the sums'
// scaling in mark_block: both round by a few 2^-24.
constexpr float tie = 0x1p-19f;

// A block at the image's border, for mark_block. Means are compared as sums: each is scaled to the
// sum of nine pixels of its mean. What is outside the image becomes -infinity.
struct Border {
  float scales[block_width + 2];  // of the columns, from the one left of the block on
  float raises[block_width + 2];  // 0, or -infinity outside
  float columns[block_width];     // how many columns count in the mean
  float rows[band_rows + 2];      // how many rows do; 0 outside; from the one above the band on
};

// Pixels [begin, end) of row y to out[0...count); zeros outside the image and past `end`.
void load_row(Image image, int64_t y, int64_t begin, int64_t end, float* out, int64_t count) {
  const int64_t first = std::max<int64_t>(begin, 0);
  const int64_t last = std::min(end, image.size[1]);
  if (y < 0 || y >= image.size[0]) {
    std::fill_n(out, count, 0.0f);
    return;
  }
  const float* in = &image(y, first);
  std::fill(out, out + (first - begin), 0.0f);
  if (image.stride[1] == 1) {
    std::copy_n(in, last - first, out + (first - begin));
  } else {
    for (int64_t i = 0; i < last - first; ++i) out[first - begin + i] = in[i * image.stride[1]];
  }
  std::fill(out + (last - begin), out + count, 0.0f);
}

}  // namespace
}  // namespace raz::cpu

#define RAZ_KERNEL_FILE "cpu/find_peaks_band.inc"
#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {
namespace {

// The marks of one image.
class Marks {
 public:
  Marks(PeakMarks marks, int64_t b)
      : words_(marks.bits.size[2]),
        bits_(reinterpret_cast<uint64_t*>(&marks.bits(b, 0, 0, 0))),
        counts_(&marks.counts(b, 0, 0)) {}

  // The planes of 64 pixels.
  uint64_t* at(int64_t y, int64_t word) const { return bits_ + (y * words_ + word) * 2; }

  bool has(PeakMarks::Plane plane, int64_t y, int64_t x) const {
    return at(y, x / word_pixels)[plane] >> (x % word_pixels) & 1;
  }

  void set(PeakMarks::Plane plane, int64_t y, int64_t x) const {
    at(y, x / word_pixels)[plane] |= uint64_t{1} << (x % word_pixels);
  }

  void clear(PeakMarks::Plane plane, int64_t y, int64_t x) const {
    at(y, x / word_pixels)[plane] &= ~(uint64_t{1} << (x % word_pixels));
  }

  void clear_rows(int64_t y_begin, int64_t y_end) const {
    std::fill(at(y_begin, 0), at(y_end, 0), uint64_t{0});
  }

  int64_t& count(PeakMarks::Plane plane, int64_t band) const { return counts_[band * 2 + plane]; }

  int64_t words() const { return words_; }

 private:
  int64_t words_;
  uint64_t* bits_;
  int64_t* counts_;
};

// A band of one image in pass 1.
struct Band {
  Image image;
  Marks marks;
  int64_t band;
  int64_t y_begin;
  int64_t y_end;
};

// The lowest bit of each of eight bytes, the first byte's lowest.
uint64_t gather_bits(uint64_t eight) {
  static_assert(std::endian::native == std::endian::little);
  return (eight & 0x0101010101010101) * 0x0102040810204080 >> 56;
}

// Bytes of a run become bits. Runs begin at a multiple of block_width.
void set_marks(const Band& band, int64_t begin, int64_t end, const uint8_t (*marks)[buffer_width]) {
  int64_t found[2] = {0, 0};
  for (int64_t y = band.y_begin; y < band.y_end; ++y) {
    const uint8_t* row = marks[y - band.y_begin];
    for (int64_t i = 0; i < end - begin; i += 8) {
      uint64_t eight;
      std::memcpy(&eight, row + i, sizeof eight);
      const int64_t beyond = i + 8 - (end - begin);
      if (beyond > 0) eight &= ~uint64_t{0} >> (8 * beyond);
      if (eight == 0) continue;
      const uint64_t bits[2] = {gather_bits(eight >> 1), gather_bits(eight)};
      uint64_t* planes = band.marks.at(y, (begin + i) / word_pixels);
      for (const auto plane : {PeakMarks::peak, PeakMarks::tied}) {
        planes[plane] |= bits[plane] << (begin + i) % word_pixels;
        found[plane] += std::popcount(bits[plane]);
      }
    }
  }
  for (const auto plane : {PeakMarks::peak, PeakMarks::tied}) {
    band.marks.count(plane, band.band) += found[plane];
  }
}

// Pointers to the rows of a strip and `margin` more above and below; element 0 is column
// begin - margin. They are the image's own where that holds the columns around the strip one beside
// the other, else copies, of zeros outside the image.
class StripRows {
 public:
  StripRows(const Band& band, int64_t begin, int64_t end) {
    const Image& image = band.image;
    const bool in_place = image.stride[1] == 1 && begin > 0 && end < image.size[1];
    const int64_t blocks = (end - begin + block_width - 1) / block_width;
    for (int64_t i = 0; i < band_rows + 2 * margin; ++i) {
      const int64_t y = band.y_begin - margin + i;
      if (in_place && y >= 0 && y < image.size[0]) {
        rows[i] = &image(y, begin - margin);
      } else {
        load_row(image, y, begin - margin, end + margin, copies_[i],
                 blocks * block_width + 2 * margin);
        rows[i] = copies_[i];
      }
    }
  }

  const float* rows[band_rows + 2 * margin];

 private:
  float copies_[band_rows + 2 * margin][buffer_width];
};

// Strips consist of whole blocks, but for the last. The first and the last columns have strips of
// their own, so that only those are copied.
int64_t strip_end(int64_t begin, int64_t width) {
  if (begin == 0) return std::min(block_width, width);
  if (width - begin < 2 * block_width) return width;
  return begin + std::min(strip_width, (width - begin) / block_width * block_width - block_width);
}

// The border of the block of columns from `begin` on.
Border border_of(const Band& band, int64_t begin) {
  const int64_t height = band.image.size[0];
  const int64_t width = band.image.size[1];
  Border border;
  for (int64_t i = 0; i < block_width + 2; ++i) {
    const int64_t x = begin - 1 + i;
    const bool outside = x < 0 || x >= width;
    border.scales[i] = outside ? 0.0f : 3.0f / static_cast<float>(inside(x, width));
    border.raises[i] = outside ? -infinity : 0.0f;
    if (1 <= i && i <= block_width) {
      border.columns[i - 1] = outside ? 1.0f : static_cast<float>(inside(x, width));
    }
  }
  for (int64_t i = 0; i < band_rows + 2; ++i) {
    const int64_t y = band.y_begin - 1 + i;
    border.rows[i] = y < 0 || y >= height ? 0.0f : static_cast<float>(inside(y, height));
  }
  return border;
}

// Marks the block of columns from `begin` on; false where that is left to mark_run.
bool mark_quickly(const Band& band, const float* const* rows, int64_t at, int64_t begin,
                  bool at_border, float limit, float threshold, int64_t smooth,
                  InstructionSet set) {
  uint32_t peaks[band_rows];
  if (at_border) {
    const auto mark = smooth == 1 ? RAZ_FOR_INSTRUCTION_SET(set, mark_block<1, true>)
                                  : RAZ_FOR_INSTRUCTION_SET(set, mark_block<3, true>);
    const Border border = border_of(band, begin);
    if (!mark(rows, at, &border, limit, threshold, peaks)) return false;
  } else {
    const auto mark = smooth == 1 ? RAZ_FOR_INSTRUCTION_SET(set, mark_block<1, false>)
                                  : RAZ_FOR_INSTRUCTION_SET(set, mark_block<3, false>);
    if (!mark(rows, at, nullptr, limit, threshold, peaks)) return false;
  }
  int64_t found = 0;
  for (int64_t y = band.y_begin; y < band.y_end; ++y) {
    const uint64_t bits = peaks[y - band.y_begin];
    if (bits == 0) continue;
    band.marks.at(y, begin / word_pixels)[PeakMarks::peak] |= bits << begin % word_pixels;
    found += std::popcount(bits);
  }
  band.marks.count(PeakMarks::peak, band.band) += found;
  return true;
}

void mark_strip(const Band& band, float threshold, int64_t smooth, SumLimits limits, int64_t begin,
                int64_t end, InstructionSet set) {
  const int64_t blocks = (end - begin + block_width - 1) / block_width;
  bool flags[strip_width / block_width + 1];
  {
    const StripRows strip(band, begin, end);
    const int64_t height = band.image.size[0];
    const bool at_side = begin == 0 || end == band.image.size[1];
    const bool has_edge = at_side || band.y_begin == 0 || band.y_end == height;
    const auto flag = smooth == 1 ? RAZ_FOR_INSTRUCTION_SET(set, flag_blocks<1>)
                                  : RAZ_FOR_INSTRUCTION_SET(set, flag_blocks<3>);
    flag(strip.rows, blocks, has_edge ? limits.outer : limits.inner, flags);
    // Where the margins of `tie` and of rounding are relative.
    const bool quick = limits.inner > 0x1p-100f && limits.inner < 0x1p100f;
    const bool at_border = has_edge || band.y_end + margin > height;
    for (int64_t i = 0; quick && i < blocks; ++i) {
      flags[i] =
          flags[i] && !mark_quickly(band, strip.rows, i * block_width, begin + i * block_width,
                                    at_border, limits.inner, threshold, smooth, set);
    }
  }
  const auto mark = RAZ_FOR_INSTRUCTION_SET(set, mark_run);
  for (int64_t first = 0, last; first < blocks; first = last + 1) {
    last = first;
    while (last < blocks && flags[last]) ++last;
    if (last == first) continue;
    const int64_t run_begin = begin + first * block_width;
    const int64_t run_end = std::min(begin + last * block_width, end);
    uint8_t marks[band_rows][buffer_width];
    mark(band.image, smooth, threshold, band.y_begin, band.y_end, run_begin, run_end, marks);
    set_marks(band, run_begin, run_end, marks);
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

// Calls visit(y, x) for what `select` leaves of a word's planes, in raster order.
template <class Select, class Visit>
void for_each_mark(const Marks& marks, int64_t y_begin, int64_t y_end, Select&& select,
                   Visit&& visit) {
  for (int64_t y = y_begin; y < y_end; ++y) {
    for (int64_t word = 0; word < marks.words(); ++word) {
      const uint64_t* planes = marks.at(y, word);
      for (uint64_t left = select(planes); left != 0; left &= left - 1) {
        visit(y, word * word_pixels + std::countr_zero(left));
      }
    }
  }
}

// Visits the tied pixels connected to (first_y, first_x). A visited pixel has both marks. True when
// they are a whole plateau: all of one value, with nothing else around that is not lower.
bool flood(Image image, int64_t smooth, const Marks& marks, int64_t first_y, int64_t first_x,
           int64_t* stack) {
  const int64_t height = image.size[0];
  const int64_t width = image.size[1];
  const float value = smoothed_at(image, first_y, first_x, smooth);
  bool whole = true;
  int64_t depth = 0;
  const auto push = [&](int64_t y, int64_t x) {
    marks.set(PeakMarks::peak, y, x);
    stack[depth++] = y * width + x;
  };
  push(first_y, first_x);
  while (depth > 0) {
    const int64_t at = stack[--depth];
    whole = whole && smoothed_at(image, at / width, at % width, smooth) == value;
    for_each_neighbour(at / width, at % width, height, width, [&](int64_t y, int64_t x) {
      if (!marks.has(PeakMarks::tied, y, x)) {
        whole = whole && smoothed_at(image, y, x, smooth) < value;
      } else if (!marks.has(PeakMarks::peak, y, x)) {
        push(y, x);
      }
    });
  }
  return whole;
}

// Pass 2 on one image.
void settle(Image image, int64_t smooth, const Marks& marks, int64_t* stack) {
  const int64_t height = image.size[0];
  const auto rows = [&](int64_t band) {
    return std::pair(band * band_rows, std::min((band + 1) * band_rows, height));
  };
  const auto tied = [](const uint64_t* planes) { return planes[PeakMarks::tied]; };
  const int64_t bands = PeakMarks::bands(height);
  for (int64_t band = 0; band < bands; ++band) {
    if (marks.count(PeakMarks::tied, band) == 0) continue;
    const auto [begin, end] = rows(band);
    for_each_mark(marks, begin, end, tied, [&](int64_t y, int64_t x) {
      if (marks.has(PeakMarks::peak, y, x)) return;
      if (!flood(image, smooth, marks, y, x, stack)) return;
      marks.clear(PeakMarks::tied, y, x);
      ++marks.count(PeakMarks::peak, band);
    });
  }
}

void write_row(View<float, 3> points, View<float, 2> scores, int64_t b, int64_t k, float x, float y,
               float score) {
  points(b, k, 0) = x;
  points(b, k, 1) = y;
  scores(b, k) = score;
}

// Leaves the `limit` highest of the peaks at the front, in raster order.
void keep_highest(Peak* peaks, int64_t count, int64_t limit) {
  std::nth_element(peaks, peaks + limit, peaks + count, [](const Peak& a, const Peak& b) {
    return a.score > b.score || (a.score == b.score && a.index < b.index);
  });
  std::sort(peaks, peaks + limit, [](const Peak& a, const Peak& b) { return a.index < b.index; });
}

}  // namespace

void mark_peaks(View<const float, 3> x, float threshold, int64_t smooth, PeakMarks marks,
                const Parallel& parallel, InstructionSet set) {
  if (x.numel() == 0) {
    std::fill_n(marks.counts.data, marks.counts.numel(), int64_t{0});
    return;
  }
  const int64_t height = x.size[1];
  const int64_t width = x.size[2];
  const int64_t bands = PeakMarks::bands(height);
  const SumLimits limits = sum_limits(threshold, smooth);
  const int64_t grain = 1 + (int64_t{1} << 16) / (width * band_rows);
  parallel(x.size[0] * bands, grain, [&](int64_t begin, int64_t end) {
    for (int64_t index = begin; index < end; ++index) {
      const int64_t b = index / bands;
      const int64_t i = index % bands;
      const Band band{image_of(x, b), Marks(marks, b), i, i * band_rows,
                      std::min((i + 1) * band_rows, height)};
      band.marks.clear_rows(band.y_begin, band.y_end);
      band.marks.count(PeakMarks::peak, i) = band.marks.count(PeakMarks::tied, i) = 0;
      for (int64_t left = 0, right; left < width; left = right) {
        right = strip_end(left, width);
        mark_strip(band, threshold, smooth, limits, left, right, set);
      }
    }
  });
}

void count_marks(PeakMarks marks, PeakMarks::Plane plane, View<int64_t, 1> counts) {
  for (int64_t b = 0; b < counts.size[0]; ++b) {
    counts(b) = 0;
    for (int64_t band = 0; band < marks.counts.size[1]; ++band) {
      counts(b) += marks.counts(b, band, static_cast<int64_t>(plane));
    }
  }
}

void settle_plateaus(View<const float, 3> x, int64_t smooth, PeakMarks marks,
                     View<int64_t, 2> stack, const Parallel& parallel) {
  if (x.numel() == 0 || stack.size[1] == 0) return;
  parallel(x.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      settle(image_of(x, b), smooth, Marks(marks, b), &stack(b, 0));
    }
  });
}

void write_peaks(View<const float, 3> x, int64_t smooth, PeakMarks marks,
                 View<const int64_t, 1> counts, View<Peak, 2> peaks, View<float, 3> points,
                 View<float, 2> scores, const Parallel& parallel) {
  const int64_t height = x.size[1];
  const int64_t width = x.size[2];
  const int64_t limit = scores.size[1];
  const int64_t bands = PeakMarks::bands(height);
  const auto found = [](const uint64_t* planes) {
    return planes[PeakMarks::peak] & ~planes[PeakMarks::tied];
  };
  parallel(x.size[0] * (x.numel() == 0 ? 0 : bands), 64, [&](int64_t begin, int64_t end) {
    int64_t k = 0;  // peaks of the image before this band
    for (int64_t index = begin; index < end; ++index) {
      const int64_t b = index / bands;
      const int64_t band = index % bands;
      const Marks of_image(marks, b);
      if (index == begin || band == 0) {
        k = 0;
        for (int64_t i = 0; i < band; ++i) k += of_image.count(PeakMarks::peak, i);
      }
      if (of_image.count(PeakMarks::peak, band) == 0) continue;
      const Image image = image_of(x, b);
      const int64_t y_end = std::min((band + 1) * band_rows, height);
      for_each_mark(of_image, band * band_rows, y_end, found, [&](int64_t y, int64_t u) {
        const float score = smoothed_at(image, y, u, smooth);
        if (counts(b) > limit) {
          peaks(b, k++) = {y * width + u, score};
        } else {
          write_row(points, scores, b, k++, static_cast<float>(u) + 0.5f,
                    static_cast<float>(y) + 0.5f, score);
        }
      });
    }
  });
  parallel(x.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      if (counts(b) > limit) {
        Peak* kept = &peaks(b, 0);
        keep_highest(kept, counts(b), limit);
        for (int64_t k = 0; k < limit; ++k) {
          write_row(points, scores, b, k, static_cast<float>(kept[k].index % width) + 0.5f,
                    static_cast<float>(kept[k].index / width) + 0.5f, kept[k].score);
        }
      }
      for (int64_t k = counts(b); k < limit; ++k) {
        write_row(points, scores, b, k, -1.0f, -1.0f, 0.0f);
      }
    }
  });
}

}  // namespace raz::cpu
