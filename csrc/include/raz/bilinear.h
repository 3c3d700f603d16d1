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

// The value of one channel at a sample of both axes: along rows first, then between them. uint8
// counts as v / 255. normalize(value, channel) is applied to the four pixels.
template <class Out, class In, class Normalize>
RAZ_HOST_DEVICE Out interpolate(View<const In, 4> images, int64_t b, int64_t channel,
                                const Sample& y, const Sample& x, const Normalize& normalize) {
  const auto value = [&](int64_t row, int64_t column) {
    auto pixel = static_cast<Out>(images(b, channel, row, column));
    if constexpr (std::is_same_v<In, uint8_t>) pixel /= Out{255};
    return normalize(pixel, channel);
  };
  const auto mix = [](Out first, Out second, double weight) {
    const auto part = static_cast<Out>(weight);
    return first * (Out{1} - part) + second * part;
  };
  const Out top = mix(value(y.first, x.first), value(y.first, x.second), x.weight);
  const Out bottom = mix(value(y.second, x.first), value(y.second, x.second), x.weight);
  return mix(top, bottom, y.weight);
}

}  // namespace raz
