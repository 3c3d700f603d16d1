// CUDA adapters of the gradients: the same as cpu_backward.cpp, see cuda.cpp.
#include <optional>

#include "check.h"
#include "cuda_head_sigmas.h"
#include "cuda_stream.h"
#include "raz/crop_and_resize_backward.h"
#include "raz/density_map_backward.h"
#include "raz/integral_image_backward.h"
#include "raz/score_anchors_backward.h"
#include "tensor.h"

namespace raz {
namespace {

Tensor crop_and_resize_backward_images_cuda(const Tensor& grad, const Tensor& boxes,
                                            const Tensor& batch, int64_t batch_size, int64_t height,
                                            int64_t width, const std::optional<Tensor>& std) {
  check_crops(grad, boxes, height, width);
  check_size(grad, 0, boxes.size(0), "grad");
  check_not_negative(batch_size, "batch_size");
  check_sides({height, width, grad.size(2), grad.size(3)});
  const Crops crops{view<const double, 2>(boxes), batch_view(batch, boxes)};
  const DeviceGuard guard(grad.get_device());
#define RAZ_TRY(T)                                                                                 \
  if (grad.scalar_type() == scalar_type_of<T>) {                                                   \
    Tensor result = new_empty(grad, {batch_size, grad.size(1), height, width}, scalar_type_of<T>); \
    const int64_t samples = grad.size(2) + grad.size(3);                                           \
    Tensor workspace = new_empty(grad, {grad.size(0) * samples * int64_t{sizeof(CropSample<T>)}},  \
                                 ScalarType::Byte);                                                \
    check_launch(cuda::crop_and_resize_backward_images(                                            \
                     view<const T, 4>(grad), crops, channel_view<T>(std, grad, "std"),             \
                     contiguous_view(static_cast<CropSample<T>*>(workspace.data_ptr()),            \
                                     grad.size(0), samples),                                       \
                     view<T, 4>(result), current_stream(grad)),                                    \
                 "crop_and_resize_backward_images");                                               \
    return result;                                                                                 \
  }
  RAZ_CROP_AND_RESIZE_BACKWARD_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: crop_and_resize_backward_images is not compiled for this dtype");
}

Tensor crop_and_resize_backward_boxes_cuda(const Tensor& grad, const Tensor& images,
                                           const Tensor& boxes, const Tensor& batch,
                                           const std::optional<Tensor>& std) {
  check_crops_grad(grad, images, boxes);
  check_sides({grad.size(2), grad.size(3)});
  const Crops crops{view<const double, 2>(boxes), batch_view(batch, boxes)};
  const DeviceGuard guard(images.get_device());
  Tensor result = new_empty(boxes, {boxes.size(0), 4}, ScalarType::Double);
  constexpr int64_t rows = cuda::crop_and_resize_backward_part_rows;
  constexpr int64_t columns = cuda::crop_and_resize_backward_part_columns;
  const int64_t parts = cells(grad.size(2), rows) * cells(grad.size(3), columns);
  Tensor sums = new_empty(boxes, {boxes.size(0), parts, 4}, ScalarType::Double);
#define RAZ_TRY(In, Out)                                                                         \
  if (images.scalar_type() == scalar_type_of<In> && grad.scalar_type() == scalar_type_of<Out>) { \
    check_launch(cuda::crop_and_resize_backward_boxes(                                           \
                     view<const Out, 4>(grad), view<const In, 4>(images), crops,                 \
                     channel_view<Out>(std, images, "std"), view<double, 3>(sums),               \
                     view<double, 2>(result), current_stream(images)),                           \
                 "crop_and_resize_backward_boxes");                                              \
    return result;                                                                               \
  }
  RAZ_CROP_AND_RESIZE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: crop_and_resize_backward_boxes is not compiled for these dtypes");
}

Tensor density_map_backward_cuda(const Tensor& grad, const Tensor& points, int64_t height,
                                 int64_t width, std::optional<double> sigma, int64_t stride,
                                 const std::optional<Tensor>& batch) {
  check_density_grad(grad, points, height, width, stride);
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DensityGrid grid{height, width, stride};
  const View<const double, 2> heads = view<const double, 2>(points);
  const DeviceGuard guard(points.get_device());
  const Tensor sigmas = sigmas_of_cuda(points, images, sigma, grid);
  Tensor result = new_empty(points, {points.size(0), 2}, ScalarType::Double);
  check_launch(cuda::density_map_backward(view<const double, 3>(grad), heads, images,
                                          view<const double, 1>(sigmas), grid,
                                          view<double, 2>(result), current_stream(points)),
               "density_map_backward");
  return result;
}

Tensor integral_image_backward_cuda(const Tensor& grad, ScalarType dtype) {
  check_integral_grad(grad);
  const DeviceGuard guard(grad.get_device());
  const int64_t batch = grad.size(0);
  const int64_t width = grad.size(2) - 1;
  Tensor result = new_empty(grad, {batch, grad.size(1) - 1, width}, dtype);
  const int64_t bands = cells(grad.size(1) - 1, cuda::integral_image_backward_band);
  Tensor workspace = new_empty(grad, {batch, bands, width}, ScalarType::Double);
#define RAZ_TRY(Grad, Out)                                                                        \
  if (grad.scalar_type() == scalar_type_of<Grad> && dtype == scalar_type_of<Out>) {               \
    check_launch(cuda::integral_image_backward(view<const Grad, 3>(grad), view<Out, 3>(result),   \
                                               view<double, 3>(workspace), current_stream(grad)), \
                 "integral_image_backward");                                                      \
    return result;                                                                                \
  }
  RAZ_INTEGRAL_IMAGE_BACKWARD_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: integral_image_backward is not compiled for this pair of dtypes");
}

Tensor score_anchors_backward_integral_cuda(const Tensor& grad, const Tensor& boxes, int64_t height,
                                            int64_t width, bool mean) {
  check_anchors_grad(grad, boxes);
  const DeviceGuard guard(grad.get_device());
  Tensor result =
      new_empty(grad, {boxes.size(0), table_side(height), table_side(width)}, ScalarType::Double);
  check_launch(cuda::score_anchors_backward_integral(
                   view<const double, 2>(grad), view<const double, 3>(boxes),
                   view<double, 3>(result), mean, current_stream(grad)),
               "score_anchors_backward_integral");
  return result;
}

Tensor score_anchors_backward_boxes_cuda(const Tensor& grad, const Tensor& integral,
                                         const Tensor& boxes, bool mean) {
  check_anchors(integral, boxes);
  check_anchors_grad(grad, boxes);
  const DeviceGuard guard(grad.get_device());
  Tensor result = new_empty(boxes, {boxes.size(0), boxes.size(1), 4}, ScalarType::Double);
#define RAZ_TRY(Table)                                                                          \
  if (integral.scalar_type() == scalar_type_of<Table>) {                                        \
    check_launch(                                                                               \
        cuda::score_anchors_backward_boxes(                                                     \
            view<const double, 2>(grad), view<const Table, 3>(integral),                        \
            view<const double, 3>(boxes), view<double, 3>(result), mean, current_stream(grad)), \
        "score_anchors_backward_boxes");                                                        \
    return result;                                                                              \
  }
  RAZ_SCORE_ANCHORS_BACKWARD_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: score_anchors_backward_boxes is not compiled for this dtype");
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CUDA, m) {
  using namespace raz;
  m.impl("crop_and_resize_backward_boxes", TORCH_BOX(&crop_and_resize_backward_boxes_cuda));
  m.impl("crop_and_resize_backward_images", TORCH_BOX(&crop_and_resize_backward_images_cuda));
  m.impl("density_map_backward", TORCH_BOX(&density_map_backward_cuda));
  m.impl("integral_image_backward", TORCH_BOX(&integral_image_backward_cuda));
  m.impl("score_anchors_backward_boxes", TORCH_BOX(&score_anchors_backward_boxes_cuda));
  m.impl("score_anchors_backward_integral", TORCH_BOX(&score_anchors_backward_integral_cuda));
}
