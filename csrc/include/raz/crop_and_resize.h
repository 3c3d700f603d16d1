// Crops of a batch of images, each resized to one size by bilinear interpolation.
//
// images  [B, C, H, W], any strides
// boxes   [K, 4], edges x1, y1, x2, y2 in pixels, any strides
// batch   [K], the image of every box
// result  [K, C, h, w], any strides
//
// Column j samples x1 + (j + 0.5)(x2 - x1)/w, clamped to the image's pixel centres, so what lies
// outside repeats the border; an inverted box gives a mirrored crop. No antialiasing. A uint8 value
// is divided by 255, then comes (v - mean) / std. A box that is not finite, that is of no image of
// the batch or of an image without pixels gives zeros.
//
// Positions are double, values Out. Pixels are normalised first (an enlarging crop has fewer of
// them than of results), then mixed along rows, then between rows, as in bilinear.h, without fused
// multiply-add: the same bits on every device.
#pragma once

#include "raz/instruction_set.h"
#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

struct Crops {
  View<const double, 2> boxes;
  View<const int64_t, 1> batch;

  // Whether crop k has pixels to read.
  template <class In>
  RAZ_HOST_DEVICE bool readable(int64_t k, View<const In, 4> images) const {
    for (int edge = 0; edge < 4; ++edge) {
      const double value = boxes(k, edge);
      if (!(value - value == 0)) return false;  // NaN or infinite
    }
    return 0 <= batch(k) && batch(k) < images.size[0] && images.size[2] > 0 && images.size[3] > 0;
  }
};

// Each [C], or no data: 0 and 1.
template <class T>
struct Normalization {
  View<const T, 1> mean;
  View<const T, 1> std;

  RAZ_HOST_DEVICE T operator()(T value, int64_t channel) const {
    if (mean.data != nullptr) value -= mean(channel);
    if (std.data != nullptr) value /= std(channel);
    return value;
  }
};

namespace cpu {

template <class In, class Out>
void crop_and_resize(View<const In, 4> images, Crops crops, Normalization<Out> normalize,
                     View<Out, 4> result, const Parallel& parallel, InstructionSet set);

}  // namespace cpu

namespace cuda {

// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
template <class In, class Out>
int crop_and_resize(View<const In, 4> images, Crops crops, Normalization<Out> normalize,
                    View<Out, 4> result, void* stream);

}  // namespace cuda
}  // namespace raz

// The pairs of types that are compiled: X(In, Out).
#define RAZ_CROP_AND_RESIZE_TYPES(X) \
  X(uint8_t, float)                  \
  X(float, float)                    \
  X(double, double)
