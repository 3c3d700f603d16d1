// CUDA adapters of the operators that take heads: the same as in cpu.cpp, see cuda.cpp.
#include <optional>

#include "check.h"
#include "cuda_head_sigmas.h"
#include "cuda_stream.h"
#include "raz/attention_map.h"
#include "raz/congestion.h"
#include "raz/density_map.h"
#include "tensor.h"

namespace raz {
namespace {

Tensor congestion_cuda(const Tensor& points, int64_t neighbours,
                       const std::optional<Tensor>& batch) {
  check_congestion(points, neighbours);
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DeviceGuard guard(points.get_device());
  Tensor result = new_empty(points, {points.size(0)}, ScalarType::Double);
  Tensor ranges = image_ranges(points);
  check_launch(cuda::congestion(view<const double, 2>(points), images, neighbours,
                                static_cast<int64_t*>(ranges.data_ptr()), view<double, 1>(result),
                                current_stream(points)),
               "congestion");
  return result;
}

Tensor attention_map_cuda(const Tensor& points, int64_t height, int64_t width, int64_t stride,
                          double limit, double sigma, int64_t neighbours,
                          const std::optional<Tensor>& batch, int64_t batch_size) {
  check_attention_map(points, batch_size, sigma);
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DeviceGuard guard(points.get_device());
  Tensor map = new_empty(points, {batch_size, cells(height, stride), cells(width, stride)},
                         ScalarType::Double);
  Tensor crowded;
  View<const double, 1> congestion;
  if (neighbours != 0) {
    crowded = congestion_cuda(points, neighbours, batch);
    congestion = view<const double, 1>(crowded);
  }
  Tensor ranges = image_ranges(points);
  check_launch(cuda::attention_map(view<const double, 2>(points), images, congestion,
                                   {height, width, stride, limit, sigma},
                                   static_cast<int64_t*>(ranges.data_ptr()), view<double, 3>(map),
                                   current_stream(points)),
               "attention_map");
  return map;
}

Tensor density_map_cuda(const Tensor& points, int64_t height, int64_t width,
                        std::optional<double> sigma, int64_t stride,
                        const std::optional<Tensor>& batch, int64_t batch_size) {
  check_points(points);
  check_not_negative(batch_size, "batch_size");
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DeviceGuard guard(points.get_device());
  const DensityGrid grid{height, width, stride};
  void* stream = current_stream(points);
  Tensor heads = points;
  if (points.scalar_type() == ScalarType::Float) {
    heads = new_empty(points, {points.size(0), 2}, ScalarType::Double);
    check_launch(cuda::widen_points(view<const float, 2>(points), view<double, 2>(heads), stream),
                 "density_map");
  }
  check_dtype(heads, ScalarType::Double, "points");
  check_sides({cells(height, stride), cells(width, stride)});
  Tensor map = new_empty(points, {batch_size, cells(height, stride), cells(width, stride)},
                         points.scalar_type());
  const Tensor sigmas = sigmas_of_cuda(heads, images, sigma, grid);
  Tensor workspace =
      new_empty(points, {cuda::density_map_workspace(points.size(0))}, ScalarType::Byte);
#define RAZ_TRY(Out)                                                                           \
  if (points.scalar_type() == scalar_type_of<Out>) {                                           \
    check_launch(                                                                              \
        cuda::density_map(view<const double, 2>(heads), images, view<const double, 1>(sigmas), \
                          grid, workspace.data_ptr(), view<Out, 3>(map), stream),              \
        "density_map");                                                                        \
  }
  RAZ_DENSITY_MAP_TYPES(RAZ_TRY)
#undef RAZ_TRY
  return map;
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CUDA, m) {
  using namespace raz;
  m.impl("attention_map", TORCH_BOX(&attention_map_cuda));
  m.impl("congestion", TORCH_BOX(&congestion_cuda));
  m.impl("density_map", TORCH_BOX(&density_map_cuda));
}
