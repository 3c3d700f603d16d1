#include "raz/crop_and_resize_backward.h"

#include <algorithm>
#include <type_traits>

#include "raz/bilinear.h"

namespace raz::cpu {
namespace {

constexpr int64_t tile = 256;  // columns of a crop whose samples are held at once

// Rows [begin, end) of one channel of one image.
template <class T>
struct Band {
  View<T, 4> images;
  int64_t b;
  int64_t channel;
  int64_t begin;
  int64_t end;

  bool holds(int64_t y) const { return begin <= y && y < end; }
};

// Adds columns [left, left + count) of row y of crop k, times `weight`, to row `at` of the image.
template <class T>
void add_row(View<const T, 4> grad, int64_t k, int64_t y, int64_t left, int64_t count,
             const Sample* columns, T weight, const Band<T>& band, int64_t at) {
  T* row = &band.images(band.b, band.channel, at, 0);
  const int64_t step = band.images.stride[3];
  for (int64_t j = 0; j < count; ++j) {
    const T value = weight * grad(k, band.channel, y, left + j);
    const auto part = static_cast<T>(columns[j].weight);
    row[columns[j].first * step] += value * (T{1} - part);
    row[columns[j].second * step] += value * part;
  }
}

// Adds the part of one crop that was read from the band.
template <class T>
void add_crop(View<const T, 4> grad, const Crops& crops, int64_t k, T scale, const Band<T>& band) {
  const int64_t height = grad.size[2];
  const int64_t width = grad.size[3];
  const auto edge = [&](int64_t n) { return crops.boxes(k, n); };
  Sample columns[tile];
  for (int64_t left = 0; left < width; left += tile) {
    const int64_t count = std::min(tile, width - left);
    for (int64_t j = 0; j < count; ++j) {
      columns[j] = sample_axis(edge(0), edge(2), left + j, width, band.images.size[3]);
    }
    for (int64_t y = 0; y < height; ++y) {
      const Sample at = sample_axis(edge(1), edge(3), y, height, band.images.size[2]);
      const auto part = static_cast<T>(at.weight);
      if (band.holds(at.first)) {
        add_row(grad, k, y, left, count, columns, scale * (T{1} - part), band, at.first);
      }
      if (band.holds(at.second)) {
        add_row(grad, k, y, left, count, columns, scale * part, band, at.second);
      }
    }
  }
}

template <class In>
double pixel_value(In pixel) {
  constexpr double unit = std::is_same_v<In, uint8_t> ? 1.0 / 255 : 1.0;
  return static_cast<double>(pixel) * unit;
}

// Adds what one sample of every channel gives to the edges (x1, y1, x2, y2).
template <class In, class Out>
void add_sample(View<const Out, 4> grad, View<const In, 4> images, int64_t k, int64_t b, int64_t i,
                int64_t j, const Sample& y, const Sample& x, const SampleMotion& down,
                const SampleMotion& across, View<const Out, 1> std, double (&result)[4]) {
  double by_x = 0;
  double by_y = 0;
  for (int64_t channel = 0; channel < images.size[1]; ++channel) {
    const auto value = [&](int64_t row, int64_t column) {
      return pixel_value(images(b, channel, row, column));
    };
    const double top_left = value(y.first, x.first);
    const double top_right = value(y.first, x.second);
    const double bottom_left = value(y.second, x.first);
    const double bottom_right = value(y.second, x.second);
    const double scale = static_cast<double>(grad(k, channel, i, j)) /
                         (std.data == nullptr ? 1.0 : static_cast<double>(std(channel)));
    by_x +=
        scale * ((top_right - top_left) * (1 - y.weight) + (bottom_right - bottom_left) * y.weight);
    by_y +=
        scale * ((bottom_left - top_left) * (1 - x.weight) + (bottom_right - top_right) * x.weight);
  }
  result[0] += by_x * across.low;
  result[1] += by_y * down.low;
  result[2] += by_x * across.high;
  result[3] += by_y * down.high;
}

template <class In, class Out>
void box_gradient(View<const Out, 4> grad, View<const In, 4> images, const Crops& crops, int64_t k,
                  View<const Out, 1> std, double (&result)[4]) {
  const int64_t height = grad.size[2];
  const int64_t width = grad.size[3];
  const auto edge = [&](int64_t n) { return crops.boxes(k, n); };
  for (int64_t i = 0; i < height; ++i) {
    const Sample y = sample_axis(edge(1), edge(3), i, height, images.size[2]);
    const SampleMotion down = sample_motion(edge(1), edge(3), i, height, images.size[2]);
    for (int64_t j = 0; j < width; ++j) {
      const Sample x = sample_axis(edge(0), edge(2), j, width, images.size[3]);
      const SampleMotion across = sample_motion(edge(0), edge(2), j, width, images.size[3]);
      add_sample(grad, images, k, crops.batch(k), i, j, y, x, down, across, std, result);
    }
  }
}

}  // namespace

// The unit of work is a row of one channel of an image: whoever has it adds, crop by crop, what was
// read from it.
template <class T>
void crop_and_resize_backward_images(View<const T, 4> grad, Crops crops, View<const T, 1> std,
                                     View<T, 4> images_grad, const Parallel& parallel) {
  const int64_t channels = images_grad.size[1];
  const int64_t height = images_grad.size[2];
  const int64_t width = images_grad.size[3];
  if (images_grad.numel() == 0) return;
  const View<const T, 4> images{images_grad.data,
                                {images_grad.size[0], channels, height, width},
                                {}};  // its sizes are asked for alone
  const int64_t rows = images_grad.size[0] * channels * height;
  parallel(rows, 1 + 16384 / width, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t y = begin % height;
      const Band<T> band{images_grad, begin / height / channels, begin / height % channels, y,
                         std::min(height, y + (end - begin))};
      begin += band.end - band.begin;
      for (int64_t row = band.begin; row < band.end; ++row) {
        for (int64_t x = 0; x < width; ++x) images_grad(band.b, band.channel, row, x) = 0;
      }
      const T scale = std.data == nullptr ? T{1} : T{1} / std(band.channel);
      for (int64_t k = 0; k < grad.size[0]; ++k) {
        if (crops.batch(k) != band.b || !crops.readable(k, images)) continue;
        add_crop(grad, crops, k, scale, band);
      }
    }
  });
}

// Crops are independent.
template <class In, class Out>
void crop_and_resize_backward_boxes(View<const Out, 4> grad, View<const In, 4> images, Crops crops,
                                    View<const Out, 1> std, View<double, 2> boxes_grad,
                                    const Parallel& parallel) {
  parallel(boxes_grad.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t k = begin; k < end; ++k) {
      double result[4] = {};
      if (crops.readable(k, images)) box_gradient(grad, images, crops, k, std, result);
      for (int n = 0; n < 4; ++n) boxes_grad(k, n) = result[n];
    }
  });
}

#define RAZ_INSTANTIATE(T)                                                                 \
  template void crop_and_resize_backward_images(View<const T, 4>, Crops, View<const T, 1>, \
                                                View<T, 4>, const Parallel&);
RAZ_CROP_AND_RESIZE_BACKWARD_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

#define RAZ_INSTANTIATE(In, Out)                                                             \
  template void crop_and_resize_backward_boxes(View<const Out, 4>, View<const In, 4>, Crops, \
                                               View<const Out, 1>, View<double, 2>,          \
                                               const Parallel&);
RAZ_CROP_AND_RESIZE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
