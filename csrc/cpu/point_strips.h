// Points in horizontal strips of 64, each strip sorted by x: finds those within a distance of a
// centre among any subset, which is one 64-bit mask a strip. Strips hold equally many points
// however these are spread, so nothing blows up with far points, crowds, duplicates or mixed radii;
// a look-up takes sqrt(N) or so for small discs, and N / 64 beyond the points it reports for the
// widest.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "raz/view.h"

namespace raz::cpu {

// The pairs allowed with one point: dx * dx + dy * dy <= squared.
struct Disc {
  double x;
  double y;
  double reach;  // no pair with |dx| or |dy| beyond it passes the test, rounding included
  double squared;

  Disc(double x, double y, double radius)
      : x(x), y(y), reach(radius * (1 + 1e-12) + 1e-150), squared(radius * radius) {
    if (std::isinf(squared)) reach = squared;
  }

  double squared_distance(double to_x, double to_y) const {
    const double dx = to_x - x;
    const double dy = to_y - y;
    return dx * dx + dy * dy;
  }
};

inline std::vector<Disc> discs(View<const double, 2> points, View<const double, 1> radius) {
  std::vector<Disc> discs;
  discs.reserve(points.size[0]);
  for (int64_t i = 0; i < points.size[0]; ++i) {
    discs.emplace_back(points(i, 0), points(i, 1), radius(i));
  }
  return discs;
}

class PointStrips {
 public:
  static constexpr int32_t width = 64;

  // A subset of one strip's points.
  struct Word {
    int32_t strip;
    uint64_t mask;
  };

  explicit PointStrips(View<const double, 2> points)
      : count_(static_cast<int32_t>(points.size[0])), index_(count_), x_(count_), y_(count_) {
    std::iota(index_.begin(), index_.end(), 0);
    sort_by(points, 1, 0, count_);
    for (int32_t begin = 0; begin < count_; begin += width) {
      const int32_t end = std::min(begin + width, count_);
      low_.push_back(points(index_[begin], 1));
      high_.push_back(points(index_[end - 1], 1));
      sort_by(points, 0, begin, end);
    }
    for (int32_t at = 0; at < count_; ++at) {
      x_[at] = points(index_[at], 0);
      y_[at] = points(index_[at], 1);
    }
  }

  int32_t size() const { return count_; }
  int32_t strips() const { return static_cast<int32_t>(low_.size()); }

  // Positions are ranks in the strips; the index is the row in the points that were given.
  int32_t index(int32_t position) const { return index_[position]; }
  double x(int32_t position) const { return x_[position]; }
  double y(int32_t position) const { return y_[position]; }

  // The masks of all points.
  std::vector<uint64_t> all() const {
    std::vector<uint64_t> masks(low_.size(), ~uint64_t{0});
    if (count_ % width != 0) masks.back() = (uint64_t{1} << count_ % width) - 1;
    return masks;
  }

  // Calls found(position, squared distance) for the points of the masks (one a strip) in the disc
  // until it returns true, and tells whether it did. found may clear the bit of its position.
  template <class Found>
  bool visit(const Disc& disc, const std::vector<uint64_t>& masks, Found&& found) const {
    for (int32_t strip = first_strip(disc); strip < strips() && begins(strip, disc); ++strip) {
      if (masks[strip] != 0 && visit_strip(disc, strip, masks[strip], found)) return true;
    }
    return false;
  }

  // The same for the words of [begin, end), strips ascending.
  template <class Found>
  bool visit(const Disc& disc, const Word* begin, const Word* end, Found&& found) const {
    const Word* word = std::partition_point(
        begin, end, [&](const Word& word) { return high_[word.strip] - disc.y < -disc.reach; });
    for (; word != end && begins(word->strip, disc); ++word) {
      if (word->mask != 0 && visit_strip(disc, word->strip, word->mask, found)) return true;
    }
    return false;
  }

 private:
  void sort_by(View<const double, 2> points, int axis, int32_t begin, int32_t end) {
    std::sort(index_.begin() + begin, index_.begin() + end, [&](int32_t a, int32_t b) {
      return points(a, axis) < points(b, axis) || (points(a, axis) == points(b, axis) && a < b);
    });
  }

  // Differences as in the test itself, which rounding cannot put out of order.
  int32_t first_strip(const Disc& disc) const {
    const auto first = std::partition_point(
        high_.begin(), high_.end(), [&](double high) { return high - disc.y < -disc.reach; });
    return static_cast<int32_t>(first - high_.begin());
  }

  bool begins(int32_t strip, const Disc& disc) const { return low_[strip] - disc.y <= disc.reach; }

  template <class Found>
  bool visit_strip(const Disc& disc, int32_t strip, uint64_t mask, Found&& found) const {
    const int32_t base = strip * width;
    const double* x = x_.data() + base;
    const double* end = x + std::min(width, count_ - base);
    const auto left =
        std::partition_point(x, end, [&](double point) { return point - disc.x < -disc.reach; });
    if (left == end) return false;
    mask &= ~uint64_t{0} << (left - x);
    for (; mask != 0; mask &= mask - 1) {
      const int32_t bit = std::countr_zero(mask);
      if (x[bit] - disc.x > disc.reach) return false;
      const double squared = disc.squared_distance(x[bit], y_[base + bit]);
      if (squared <= disc.squared && found(base + bit, squared)) return true;
    }
    return false;
  }

  int32_t count_;
  std::vector<int32_t> index_;
  std::vector<double> x_;
  std::vector<double> y_;
  std::vector<double> low_;   // the least y of every strip
  std::vector<double> high_;  // the greatest
};

// Bits of positions in masks.
inline void set_bit(std::vector<uint64_t>& masks, int32_t position) {
  masks[position / 64] |= uint64_t{1} << position % 64;
}

inline void clear_bit(std::vector<uint64_t>& masks, int32_t position) {
  masks[position / 64] &= ~(uint64_t{1} << position % 64);
}

inline bool has_bit(const std::vector<uint64_t>& masks, int32_t position) {
  return (masks[position / 64] >> position % 64 & 1) != 0;
}

}  // namespace raz::cpu
