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
      : count_(static_cast<int32_t>(points.size[0])) {
    std::vector<Point> sorted;
    sorted.reserve(count_);
    for (int32_t i = 0; i < count_; ++i) sorted.push_back({points(i, 0), points(i, 1), i});
    cut_into_strips(sorted.data(), sorted.data() + count_);
    // The last strip is filled up with points that are right of everything.
    x_.assign(low_.size() * width, std::numeric_limits<double>::infinity());
    y_.resize(count_);
    index_.resize(count_);
    for (int32_t at = 0; at < count_; ++at) {
      x_[at] = sorted[at].x;
      y_[at] = sorted[at].y;
      index_[at] = sorted[at].index;
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
  struct Point {
    double x;
    double y;
    int32_t index;
  };

  // Lambdas, not functions, so that sorting inlines them.
  static constexpr auto by_y = [](const Point& a, const Point& b) {
    return a.y < b.y || (a.y == b.y && a.index < b.index);
  };
  static constexpr auto by_x = [](const Point& a, const Point& b) {
    return a.x < b.x || (a.x == b.x && a.index < b.index);
  };

  // Halves again and again, at multiples of the width.
  void cut_into_strips(Point* begin, Point* end) {
    if (end - begin > width) {
      Point* middle = begin + (end - begin + width) / width / 2 * width;
      std::nth_element(begin, middle, end, by_y);
      cut_into_strips(begin, middle);
      cut_into_strips(middle, end);
    } else if (begin != end) {
      const auto [low, high] = std::minmax_element(begin, end, by_y);
      low_.push_back(low->y);
      high_.push_back(high->y);
      std::sort(begin, end, by_x);
    }
  }

  // How many of ascending values lie beyond reach below the centre. Differences are those of the
  // test itself, which rounding cannot put out of order. No branch depends on values: none could be
  // foreseen; many are compared at once.
  static int32_t count_below(const double* values, int32_t count, double centre, double reach) {
    const double* at = values;
    while (count > 16) {
      const int32_t half = count / 2;
      at += at[half - 1] - centre < -reach ? half : 0;
      count -= half;
    }
    int32_t below = static_cast<int32_t>(at - values);
    for (int32_t i = 0; i < count; ++i) below += at[i] - centre < -reach;
    return below;
  }

  // The same for the x of a strip: first how many whole eights.
  static int32_t count_left(const double* x, const Disc& disc) {
    int32_t eights = 0;
    for (int32_t i = 7; i < width; i += 8) eights += x[i] - disc.x < -disc.reach;
    if (eights == width / 8) return width;
    return 8 * eights + count_below(x + 8 * eights, 8, disc.x, disc.reach);
  }

  int32_t first_strip(const Disc& disc) const {
    return count_below(high_.data(), strips(), disc.y, disc.reach);
  }

  bool begins(int32_t strip, const Disc& disc) const { return low_[strip] - disc.y <= disc.reach; }

  template <class Found>
  bool visit_strip(const Disc& disc, int32_t strip, uint64_t mask, Found&& found) const {
    const int32_t base = strip * width;
    const double* x = x_.data() + base;
    const int32_t left = count_left(x, disc);
    if (left == width) return false;
    mask &= ~uint64_t{0} << left;
    for (; mask != 0; mask &= mask - 1) {
      const int32_t bit = std::countr_zero(mask);
      if (x[bit] - disc.x > disc.reach) return false;
      const double squared = disc.squared_distance(x[bit], y_[base + bit]);
      if (squared <= disc.squared && found(base + bit, squared)) return true;
    }
    return false;
  }

  int32_t count_;
  std::vector<double> x_;
  std::vector<double> y_;
  std::vector<int32_t> index_;
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
