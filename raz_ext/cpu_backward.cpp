// CPU adapters of the gradients, one short function an operator: check, allocate, call the kernel.
#include <optional>
#include <vector>

#include "check.h"
#include "head_sigmas.h"
#include "raz/crop_and_resize_backward.h"
#include "raz/density_map_backward.h"
#include "raz/integral_image_backward.h"
#include "raz/score_anchors_backward.h"
#include "tensor.h"

namespace raz {
namespace {

Tensor crop_and_resize_backward_images_cpu(const Tensor& grad, const Tensor& boxes,
                                           const Tensor& batch, int64_t batch_size, int64_t height,
                                           int64_t width, const std::optional<Tensor>& std) {
  check_crops(grad, boxes, height, width);
  check_size(grad, 0, boxes.size(0), "grad");
  check_not_negative(batch_size, "batch_size");
  const Crops crops{view<const double, 2>(boxes), batch_view(batch, boxes)};
#define RAZ_TRY(T)                                                                                 \
  if (grad.scalar_type() == scalar_type_of<T>) {                                                   \
    Tensor result = new_empty(grad, {batch_size, grad.size(1), height, width}, scalar_type_of<T>); \
    cpu::crop_and_resize_backward_images(view<const T, 4>(grad), crops,                            \
                                         channel_view<T>(std, grad, "std"), view<T, 4>(result),    \
                                         torch_parallel);                                          \
    return result;                                                                                 \
  }
  RAZ_CROP_AND_RESIZE_BACKWARD_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: crop_and_resize_backward_images is not compiled for this dtype");
}

Tensor crop_and_resize_backward_boxes_cpu(const Tensor& grad, const Tensor& images,
                                          const Tensor& boxes, const Tensor& batch,
                                          const std::optional<Tensor>& std) {
  check_crops_grad(grad, images, boxes);
  const Crops crops{view<const double, 2>(boxes), batch_view(batch, boxes)};
  Tensor result = new_empty(boxes, {boxes.size(0), 4}, ScalarType::Double);
#define RAZ_TRY(In, Out)                                                                         \
  if (images.scalar_type() == scalar_type_of<In> && grad.scalar_type() == scalar_type_of<Out>) { \
    cpu::crop_and_resize_backward_boxes(view<const Out, 4>(grad), view<const In, 4>(images),     \
                                        crops, channel_view<Out>(std, images, "std"),            \
                                        view<double, 2>(result), torch_parallel);                \
    return result;                                                                               \
  }
  RAZ_CROP_AND_RESIZE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: crop_and_resize_backward_boxes is not compiled for these dtypes");
}

Tensor density_map_backward_cpu(const Tensor& grad, const Tensor& points, int64_t height,
                                int64_t width, std::optional<double> sigma, int64_t stride,
                                const std::optional<Tensor>& batch) {
  check_density_grad(grad, points, height, width, stride);
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DensityGrid grid{height, width, stride};
  const View<const double, 2> heads = view<const double, 2>(points);
  const std::vector<double> sigmas = sigmas_of(heads, images, sigma, grid);
  Tensor result = new_empty(points, {points.size(0), 2}, ScalarType::Double);
  cpu::density_map_backward(view<const double, 3>(grad), heads, images,
                            contiguous_view(sigmas.data(), points.size(0)), grid,
                            view<double, 2>(result), torch_parallel);
  return result;
}

Tensor integral_image_backward_cpu(const Tensor& grad, ScalarType dtype) {
  check_integral_grad(grad);
  const int64_t batch = grad.size(0);
  const int64_t width = grad.size(2) - 1;
  Tensor result = new_empty(grad, {batch, grad.size(1) - 1, width}, dtype);
  Tensor workspace = new_empty(grad, {batch, width}, ScalarType::Double);
#define RAZ_TRY(Grad, Out)                                                          \
  if (grad.scalar_type() == scalar_type_of<Grad> && dtype == scalar_type_of<Out>) { \
    cpu::integral_image_backward(view<const Grad, 3>(grad), view<Out, 3>(result),   \
                                 view<double, 2>(workspace), torch_parallel);       \
    return result;                                                                  \
  }
  RAZ_INTEGRAL_IMAGE_BACKWARD_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: integral_image_backward is not compiled for this pair of dtypes");
}

Tensor score_anchors_backward_integral_cpu(const Tensor& grad, const Tensor& boxes, int64_t height,
                                           int64_t width, bool mean) {
  check_anchors_grad(grad, boxes);
  Tensor result =
      new_empty(grad, {boxes.size(0), table_side(height), table_side(width)}, ScalarType::Double);
  cpu::score_anchors_backward_integral(view<const double, 2>(grad), view<const double, 3>(boxes),
                                       view<double, 3>(result), mean, torch_parallel);
  return result;
}

Tensor score_anchors_backward_boxes_cpu(const Tensor& grad, const Tensor& integral,
                                        const Tensor& boxes, bool mean) {
  check_anchors(integral, boxes);
  check_anchors_grad(grad, boxes);
  Tensor result = new_empty(boxes, {boxes.size(0), boxes.size(1), 4}, ScalarType::Double);
#define RAZ_TRY(Table)                                                                             \
  if (integral.scalar_type() == scalar_type_of<Table>) {                                           \
    cpu::score_anchors_backward_boxes(view<const double, 2>(grad), view<const Table, 3>(integral), \
                                      view<const double, 3>(boxes), view<double, 3>(result), mean, \
                                      torch_parallel);                                             \
    return result;                                                                                 \
  }
  RAZ_SCORE_ANCHORS_BACKWARD_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: score_anchors_backward_boxes is not compiled for this dtype");
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CPU, m) {
  using namespace raz;
  m.impl("crop_and_resize_backward_boxes", TORCH_BOX(&crop_and_resize_backward_boxes_cpu));
  m.impl("crop_and_resize_backward_images", TORCH_BOX(&crop_and_resize_backward_images_cpu));
  m.impl("density_map_backward", TORCH_BOX(&density_map_backward_cpu));
  m.impl("integral_image_backward", TORCH_BOX(&integral_image_backward_cpu));
  m.impl("score_anchors_backward_boxes", TORCH_BOX(&score_anchors_backward_boxes_cpu));
  m.impl("score_anchors_backward_integral", TORCH_BOX(&score_anchors_backward_integral_cpu));
}
