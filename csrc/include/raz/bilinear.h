// Where one axis of a crop samples the image. One definition for every device.
#pragma once

#include <type_traits>

#include "raz/view.h"

namespace raz {

// Two neighbouring pixels and the weight of the second.
struct Sample {
  int64_t first;
  int64_t second;
  double weight;
};

// Where sample j of n between two edges of a box lies, from the centre of the first pixel.
RAZ_HOST_DEVICE inline double sample_position(double low, double high, int64_t j, int64_t n) {
  const double step = (static_cast<double>(j) + 0.5) * (high - low) / static_cast<double>(n);
  return low + step - 0.5;
}

// Sample j of n between two edges of a box, clamped to the image's pixel centres. Finite edges and
// length > 0. Double keeps the weight's bits also thousands of pixels from the origin.
RAZ_HOST_DEVICE inline Sample sample_axis(double low, double high, int64_t j, int64_t n,
                                          int64_t length) {
  const auto last = static_cast<double>(length - 1);
  double at = sample_position(low, high, j, n);
  at = at > 0 ? at : 0;
  at = at < last ? at : last;
  const auto first = static_cast<int64_t>(at);
  const int64_t second = first + 1 < length ? first + 1 : first;
  return {first, second, at - static_cast<double>(first)};
}

// How a sample moves with the edges of its box: 0 where it is clamped.
struct SampleMotion {
  double low;
  double high;
};

RAZ_HOST_DEVICE inline SampleMotion sample_motion(double low, double high, int64_t j, int64_t n,
                                                  int64_t length) {
  const double at = sample_position(low, high, j, n);
  if (!(0 <= at && at <= static_cast<double>(length - 1))) return {0, 0};
  const double part = (static_cast<double>(j) + 0.5) / static_cast<double>(n);
  return {1 - part, part};
}

// A pixel as crops count it, not yet normalised: uint8 is v / 255.
template <class Out, class In>
RAZ_HOST_DEVICE Out pixel_value(In pixel) {
  const auto value = static_cast<Out>(pixel);
  return std::is_same_v<In, uint8_t> ? value / Out{255} : value;
}

// Between two values, `part` of the way to the second: along rows first, then between rows.
template <class Out>
RAZ_HOST_DEVICE Out mix(Out first, Out second, Out part) {
  return first * (Out{1} - part) + second * part;
}

}  // namespace raz
