#include "raz/crop_and_resize.h"

#include <algorithm>

#include "raz/bilinear.h"

namespace raz::cpu {
namespace {

constexpr int64_t tile = 128;  // columns whose samples are held at once

template <class Out>
void clear_row(View<Out, 4> result, int64_t k, int64_t y) {
  for (int64_t channel = 0; channel < result.size[1]; ++channel) {
    for (int64_t x = 0; x < result.size[3]; ++x) result(k, channel, y, x) = 0;
  }
}

}  // namespace

// The unit of work is a row of a crop, all channels.
template <class In, class Out>
void crop_and_resize(View<const In, 4> images, Crops crops, Normalization<Out> normalize,
                     View<Out, 4> result, const Parallel& parallel) {
  const int64_t channels = result.size[1];
  const int64_t height = result.size[2];
  const int64_t width = result.size[3];
  const int64_t per_row = std::max<int64_t>(channels * width, 1);
  parallel(result.size[0] * height, 4096 / per_row, [&](int64_t begin, int64_t end) {
    Sample columns[tile];
    for (int64_t index = begin; index < end; ++index) {
      const int64_t k = index / height;
      const int64_t y = index % height;
      if (!crops.readable(k, images)) {
        clear_row(result, k, y);
        continue;
      }
      const auto edge = [&](int64_t n) { return crops.boxes(k, n); };
      const Sample row = sample_axis(edge(1), edge(3), y, height, images.size[2]);
      for (int64_t left = 0; left < width; left += tile) {
        const int64_t count = std::min(tile, width - left);
        for (int64_t j = 0; j < count; ++j) {
          columns[j] = sample_axis(edge(0), edge(2), left + j, width, images.size[3]);
        }
        for (int64_t channel = 0; channel < channels; ++channel) {
          for (int64_t j = 0; j < count; ++j) {
            const Out value = interpolate<Out>(images, crops.batch(k), channel, row, columns[j]);
            result(k, channel, y, left + j) = normalize(value, channel);
          }
        }
      }
    }
  });
}

#define RAZ_INSTANTIATE(In, Out)                                                            \
  template void crop_and_resize(View<const In, 4>, Crops, Normalization<Out>, View<Out, 4>, \
                                const Parallel&);
RAZ_CROP_AND_RESIZE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
