#include "raz/integral_image_backward.h"

#include <algorithm>

namespace raz::cpu {

// Images of a batch are independent, so they are the unit of work.
template <class Grad, class Out>
void integral_image_backward(View<const Grad, 3> grad, View<Out, 3> image_grad,
                             View<double, 2> workspace, const Parallel& parallel) {
  const int64_t height = image_grad.size[1];
  const int64_t width = image_grad.size[2];
  if (image_grad.numel() == 0) return;
  parallel(image_grad.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      double* columns = workspace.data + b * workspace.stride[0];
      std::fill_n(columns, width, 0.0);
      for (int64_t y = height - 1; y >= 0; --y) {
        for (int64_t x = 0; x < width; ++x) {
          columns[x] += static_cast<double>(grad(b, y + 1, x + 1));
        }
        double sum = 0;
        for (int64_t x = width - 1; x >= 0; --x) {
          sum += columns[x];
          image_grad(b, y, x) = static_cast<Out>(sum);
        }
      }
    }
  });
}

#define RAZ_INSTANTIATE(Grad, Out)                                                          \
  template void integral_image_backward(View<const Grad, 3>, View<Out, 3>, View<double, 2>, \
                                        const Parallel&);
RAZ_INTEGRAL_IMAGE_BACKWARD_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
