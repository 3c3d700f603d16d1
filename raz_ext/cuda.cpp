// CUDA adapters: the same as cpu.cpp, on torch's current stream and the tensor's own device.
// Nothing here launches a kernel by itself, and nothing but find_peaks and point_nms waits for one.
#include <optional>
#include <tuple>
#include <vector>

#include "check.h"
#include "cuda_stream.h"
#include "raz/crop_and_resize.h"
#include "raz/find_peaks.h"
#include "raz/integral_image.h"
#include "raz/point_map.h"
#include "raz/point_nms.h"
#include "raz/propose_regions.h"
#include "raz/score_anchors.h"
#include "tensor.h"

namespace raz {
namespace {

// Without max_points it waits for the device, once: for the largest count.
std::tuple<Tensor, Tensor, Tensor> find_peaks_cuda(const Tensor& x, double threshold,
                                                   int64_t smooth,
                                                   std::optional<int64_t> max_points) {
  check_peaks(x, smooth, max_points);
  const View<const float, 3> maps = view<const float, 3>(x);
  const auto [batch, height, width] = maps.size;
  STD_TORCH_CHECK(cuda::find_peaks_serves(batch, height, width),
                  "raz: find_peaks: on CUDA a map has at most 2^32 - 2 pixels, and a batch as many "
                  "tiles of 128 x 16; got ",
                  batch, " maps of ", height, " x ", width);
  const DeviceGuard guard(x.get_device());
  void* stream = current_stream(x);
  Tensor counts = new_empty(x, {batch}, ScalarType::Long);
  const Tensor workspace =
      new_empty(x, {cuda::find_peaks_workspace(batch, height, width)}, ScalarType::Int);
  auto* words = static_cast<uint32_t*>(workspace.data_ptr());
  check_launch(cuda::find_peaks(maps, static_cast<float>(threshold), smooth, words,
                                view<int64_t, 1>(counts), stream),
               "find_peaks");
  int64_t rows = max_points.value_or(0);
  if (!max_points && batch > 0) {
    TORCH_ERROR_CODE_CHECK(aoti_torch_item_int64(torch::stable::amax(counts, 0).get(), &rows));
  }
  Tensor points = new_empty(x, {batch, rows, 2}, ScalarType::Float);
  Tensor scores = new_empty(x, {batch, rows}, ScalarType::Float);
  check_launch(cuda::write_peaks(maps.size, words, view<const int64_t, 1>(counts),
                                 view<float, 3>(points), view<float, 2>(scores), stream),
               "find_peaks");
  return {points, scores, counts};
}

Tensor integral_image_cuda(const Tensor& image, ScalarType dtype) {
  check_dim(image, 3, "image");
  const DeviceGuard guard(image.get_device());
  Tensor table = new_empty(
      image, {image.size(0), table_side(image.size(1)), table_side(image.size(2))}, dtype);
  const bool rounded = dtype == ScalarType::Float;
  const Tensor workspace = new_empty(
      image, {cuda::integral_image_workspace(image.size(0), image.size(1), image.size(2), rounded)},
      ScalarType::Long);
#define RAZ_TRY(In, Out)                                                                          \
  if (image.scalar_type() == scalar_type_of<In> && dtype == scalar_type_of<Out>) {                \
    check_launch(                                                                                 \
        cuda::integral_image(view<const In, 3>(image), view<Out, 3>(table),                       \
                             static_cast<int64_t*>(workspace.data_ptr()), current_stream(image)), \
        "integral_image");                                                                        \
    return table;                                                                                 \
  }
  RAZ_INTEGRAL_IMAGE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: integral_image is not compiled for this pair of dtypes");
}

Tensor score_anchors_cuda(const Tensor& integral, const Tensor& boxes, bool mean) {
  check_anchors(integral, boxes);
  const DeviceGuard guard(boxes.get_device());
#define RAZ_TRY(Table, Box, Out)                                                                \
  if (integral.scalar_type() == scalar_type_of<Table> &&                                        \
      boxes.scalar_type() == scalar_type_of<Box>) {                                             \
    Tensor scores = new_empty(boxes, {boxes.size(0), boxes.size(1)}, scalar_type_of<Out>);      \
    check_launch(cuda::score_anchors(view<const Table, 3>(integral), view<const Box, 3>(boxes), \
                                     view<Out, 2>(scores), mean, current_stream(boxes)),        \
                 "score_anchors");                                                              \
    return scores;                                                                              \
  }
  RAZ_SCORE_ANCHORS_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: score_anchors is not compiled for this pair of dtypes");
}

Tensor crop_and_resize_cuda(const Tensor& images, const Tensor& boxes, const Tensor& batch,
                            int64_t height, int64_t width, const std::optional<Tensor>& mean,
                            const std::optional<Tensor>& std) {
  check_crops(images, boxes, height, width);
  const Crops crops{view<const double, 2>(boxes), batch_view(batch, boxes)};
  const DeviceGuard guard(images.get_device());
#define RAZ_TRY(In, Out)                                                                        \
  if (images.scalar_type() == scalar_type_of<In>) {                                             \
    Tensor result =                                                                             \
        new_empty(images, {boxes.size(0), images.size(1), height, width}, scalar_type_of<Out>); \
    const Normalization<Out> normalize{channel_view<Out>(mean, images, "mean"),                 \
                                       channel_view<Out>(std, images, "std")};                  \
    check_launch(cuda::crop_and_resize(view<const In, 4>(images), crops, normalize,             \
                                       view<Out, 4>(result), current_stream(images)),           \
                 "crop_and_resize");                                                            \
    return result;                                                                              \
  }
  RAZ_CROP_AND_RESIZE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: crop_and_resize is not compiled for this dtype");
}

Tensor point_map_cuda(const Tensor& points, int64_t height, int64_t width,
                      const std::optional<Tensor>& batch, int64_t batch_size) {
  check_points(points);
  check_not_negative(height, "height");
  check_not_negative(width, "width");
  check_not_negative(batch_size, "batch_size");
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DeviceGuard guard(points.get_device());
  Tensor map = new_empty(points, {batch_size, height, width}, ScalarType::Float);
#define RAZ_TRY(Point)                                                                      \
  if (points.scalar_type() == scalar_type_of<Point>) {                                      \
    check_launch(cuda::point_map(view<const Point, 2>(points), images, view<float, 3>(map), \
                                 current_stream(points)),                                   \
                 "point_map");                                                              \
    return map;                                                                             \
  }
  RAZ_POINT_MAP_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: point_map is not compiled for this dtype");
}

Tensor point_nms_workspace(const Tensor& points) {
  return new_empty(points, {cuda::point_nms_workspace(points.size(0))}, ScalarType::Long);
}

// Waits for the device, once: for how many points are kept.
Tensor point_nms_cuda(const Tensor& points, const Tensor& scores, double radius,
                      const std::optional<Tensor>& batch, const std::optional<Tensor>& radii) {
  const View<const int64_t, 1> images = check_point_nms(points, scores, radius, batch);
  const View<const float, 1> of_points = radii_view(radii, points);
  const DeviceGuard guard(points.get_device());
  void* stream = current_stream(points);
  Tensor workspace = point_nms_workspace(points);
  auto* memory = static_cast<int64_t*>(workspace.data_ptr());
  Tensor total = new_empty(points, {1}, ScalarType::Long);
  check_launch(cuda::point_nms_count(view<const float, 2>(points), view<const float, 1>(scores),
                                     images, static_cast<float>(radius), of_points, memory,
                                     static_cast<int64_t*>(total.data_ptr()), stream),
               "point_nms");
  int64_t kept = 0;
  TORCH_ERROR_CODE_CHECK(aoti_torch_item_int64(total.get(), &kept));
  Tensor keep = new_empty(points, {kept}, ScalarType::Long);
  check_launch(
      cuda::point_nms_keep(points.size(0), memory, static_cast<int64_t*>(keep.data_ptr()), stream),
      "point_nms");
  return keep;
}

Tensor point_nms_mask_cuda(const Tensor& points, const Tensor& scores, double radius,
                           const std::optional<Tensor>& batch, const std::optional<Tensor>& radii) {
  const View<const int64_t, 1> images = check_point_nms(points, scores, radius, batch);
  const View<const float, 1> of_points = radii_view(radii, points);
  const DeviceGuard guard(points.get_device());
  Tensor workspace = point_nms_workspace(points);
  Tensor mask = new_empty(points, {points.size(0)}, ScalarType::Bool);
  check_launch(cuda::point_nms_mask(view<const float, 2>(points), view<const float, 1>(scores),
                                    images, static_cast<float>(radius), of_points,
                                    static_cast<int64_t*>(workspace.data_ptr()),
                                    view<bool, 1>(mask), current_stream(points)),
               "point_nms_mask");
  return mask;
}

std::tuple<Tensor, Tensor, Tensor> propose_regions_cuda(const Tensor& attention, int64_t num_points,
                                                        const std::vector<double>& scales,
                                                        const std::vector<double>& ratios,
                                                        double score_threshold,
                                                        double iou_threshold, int64_t max_regions,
                                                        int64_t seed) {
  const Tensor integral = integral_image_cuda(attention, ScalarType::Double);
  check_proposals(num_points, max_regions);
  const AnchorGrid grid{num_points, contiguous_view(scales.data(), scales.size()),
                        contiguous_view(ratios.data(), ratios.size()), seed};
  STD_TORCH_CHECK(grid.count() <= int64_t{1} << 32,
                  "raz: propose_regions: at most 2^32 anchors, got ", grid.count());
  const int64_t batch = attention.size(0);
  const DeviceGuard guard(attention.get_device());
  Tensor anchors = new_empty(attention, {4, grid.count()}, ScalarType::Float);
  Tensor anchor_scores = new_empty(attention, {batch, grid.count()}, ScalarType::Float);
  Tensor boxes = new_empty(attention, {batch, max_regions, 4}, ScalarType::Float);
  Tensor scores = new_empty(attention, {batch, max_regions}, ScalarType::Float);
  Tensor counts = new_empty(attention, {batch}, ScalarType::Long);
  check_launch(cuda::propose_regions(
                   view<const double, 3>(integral), grid, {score_threshold, iou_threshold},
                   {view<float, 2>(anchors), view<float, 2>(anchor_scores)},
                   {view<float, 3>(boxes), view<float, 2>(scores), view<int64_t, 1>(counts)},
                   current_stream(attention)),
               "propose_regions");
  return {boxes, scores, counts};
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CUDA, m) {
  using namespace raz;
  m.impl("crop_and_resize", TORCH_BOX(&crop_and_resize_cuda));
  m.impl("find_peaks", TORCH_BOX(&find_peaks_cuda));
  m.impl("integral_image", TORCH_BOX(&integral_image_cuda));
  m.impl("point_map", TORCH_BOX(&point_map_cuda));
  m.impl("point_nms", TORCH_BOX(&point_nms_cuda));
  m.impl("point_nms_mask", TORCH_BOX(&point_nms_mask_cuda));
  m.impl("propose_regions", TORCH_BOX(&propose_regions_cuda));
  m.impl("score_anchors", TORCH_BOX(&score_anchors_cuda));
}
