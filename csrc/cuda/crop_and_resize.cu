#include "cuda/launch.h"
#include "raz/bilinear.h"
#include "raz/crop_and_resize.h"

namespace raz::cuda {
namespace {

struct CropPixel {
  template <class In, class Out>
  RAZ_DEVICE void operator()(int64_t index, View<const In, 4> images, Crops crops,
                             Normalization<Out> normalize, View<Out, 4> result) const {
    const int64_t height = result.size[2];
    const int64_t width = result.size[3];
    const int64_t j = index % width;
    const int64_t i = index / width % height;
    const int64_t k = index / width / height;
    if (!crops.readable(k, images)) {
      for (int64_t channel = 0; channel < result.size[1]; ++channel) result(k, channel, i, j) = 0;
      return;
    }
    const auto edge = [&](int64_t n) { return crops.boxes(k, n); };
    const Sample y = sample_axis(edge(1), edge(3), i, height, images.size[2]);
    const Sample x = sample_axis(edge(0), edge(2), j, width, images.size[3]);
    for (int64_t channel = 0; channel < result.size[1]; ++channel) {
      result(k, channel, i, j) = interpolate<Out>(images, crops.batch(k), channel, y, x, normalize);
    }
  }
};

}  // namespace

// A thread a pixel of a crop, all channels: neighbours in a warp write neighbouring columns.
template <class In, class Out>
int crop_and_resize(View<const In, 4> images, Crops crops, Normalization<Out> normalize,
                    View<Out, 4> result, void* stream) {
  const int64_t pixels = result.size[0] * result.size[2] * result.size[3];
  return launch(CropPixel{}, pixels, stream, images, crops, normalize, result);
}

#define RAZ_INSTANTIATE(In, Out) \
  template int crop_and_resize(View<const In, 4>, Crops, Normalization<Out>, View<Out, 4>, void*);
RAZ_CROP_AND_RESIZE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
