// CPU adapters, one short function an operator: check, allocate, call the kernel.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "check.h"
#include "head_sigmas.h"
#include "instruction_set.h"
#include "raz/attention_map.h"
#include "raz/congestion.h"
#include "raz/crop_and_resize.h"
#include "raz/density_map.h"
#include "raz/find_peaks.h"
#include "raz/integral_image.h"
#include "raz/point_map.h"
#include "raz/point_nms.h"
#include "raz/propose_regions.h"
#include "raz/score_anchors.h"
#include "tensor.h"

namespace raz {
namespace {

Tensor congestion_cpu(const Tensor& points, int64_t neighbours,
                      const std::optional<Tensor>& batch) {
  check_congestion(points, neighbours);
  const View<const int64_t, 1> images = batch_view(batch, points);
  Tensor result = new_empty(points, {points.size(0)}, ScalarType::Double);
  std::vector<CongestionNode> nodes(points.size(0));
  cpu::congestion(view<const double, 2>(points), images, neighbours, nodes.data(),
                  view<double, 1>(result), torch_parallel);
  return result;
}

Tensor attention_map_cpu(const Tensor& points, int64_t height, int64_t width, int64_t stride,
                         double limit, double sigma, int64_t neighbours,
                         const std::optional<Tensor>& batch, int64_t batch_size) {
  check_attention_map(points, batch_size, sigma);
  const View<const int64_t, 1> images = batch_view(batch, points);
  const int64_t count = points.size(0);
  Tensor map = new_empty(points, {batch_size, cells(height, stride), cells(width, stride)},
                         ScalarType::Double);
  Tensor congestion;
  if (neighbours == 0) {
    congestion = new_empty(points, {count}, ScalarType::Double);
    std::fill_n(static_cast<double*>(congestion.data_ptr()), count, 0.0);
  } else {
    congestion = congestion_cpu(points, neighbours, batch);
  }
  Tensor order = new_empty(points, {count}, ScalarType::Long);
  cpu::attention_map(view<const double, 2>(points), images, view<const double, 1>(congestion),
                     {height, width, stride, limit, sigma}, static_cast<int64_t*>(order.data_ptr()),
                     view<double, 3>(map), torch_parallel);
  return map;
}

Tensor crop_and_resize_cpu(const Tensor& images, const Tensor& boxes, const Tensor& batch,
                           int64_t height, int64_t width, const std::optional<Tensor>& mean,
                           const std::optional<Tensor>& std) {
  check_crops(images, boxes, height, width);
  const Crops crops{view<const double, 2>(boxes), batch_view(batch, boxes)};
#define RAZ_TRY(In, Out)                                                                        \
  if (images.scalar_type() == scalar_type_of<In>) {                                             \
    Tensor result =                                                                             \
        new_empty(images, {boxes.size(0), images.size(1), height, width}, scalar_type_of<Out>); \
    const Normalization<Out> normalize{channel_view<Out>(mean, images, "mean"),                 \
                                       channel_view<Out>(std, images, "std")};                  \
    cpu::crop_and_resize(view<const In, 4>(images), crops, normalize, view<Out, 4>(result),     \
                         torch_parallel, instruction_set());                                    \
    return result;                                                                              \
  }
  RAZ_CROP_AND_RESIZE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: crop_and_resize is not compiled for this dtype");
}

std::vector<double> in_double(View<const float, 2> points) {
  std::vector<double> result(points.numel());
  for (int64_t i = 0; i < points.numel(); ++i) result[i] = points(i / 2, i % 2);
  return result;
}

Tensor density_map_cpu(const Tensor& points, int64_t height, int64_t width,
                       std::optional<double> sigma, int64_t stride,
                       const std::optional<Tensor>& batch, int64_t batch_size) {
  check_points(points);
  check_not_negative(batch_size, "batch_size");
  const View<const int64_t, 1> images = batch_view(batch, points);
  const DensityGrid grid{height, width, stride};
  const int64_t count = points.size(0);
  std::vector<double> copy;
  View<const double, 2> heads;
  const bool is_float = points.scalar_type() == ScalarType::Float;
  if (is_float) {
    copy = in_double(view<const float, 2>(points));
    heads = contiguous_view(static_cast<const double*>(copy.data()), count, int64_t{2});
  } else {
    check_dtype(points, ScalarType::Double, "points");
    heads = view<const double, 2>(points);
  }
  const std::vector<double> sigmas = sigmas_of(heads, images, sigma, grid);
  const int64_t rows = cells(height, stride);
  const int64_t columns = cells(width, stride);
  Tensor map = new_empty(points, {batch_size, rows, columns}, points.scalar_type());
  // Not zeroed, and mostly not touched.
  const std::unique_ptr<double[]> sums(is_float ? new double[map.numel()] : nullptr);
#define RAZ_TRY(Out)                                                                         \
  if (points.scalar_type() == scalar_type_of<Out>) {                                         \
    cpu::density_map(heads, images, contiguous_view(sigmas.data(), count), grid, sums.get(), \
                     view<Out, 3>(map), torch_parallel, instruction_set());                  \
  }
  RAZ_DENSITY_MAP_TYPES(RAZ_TRY)
#undef RAZ_TRY
  return map;
}

// Uninitialised: small ones cost a fraction of a tensor's time.
template <class T>
std::unique_ptr<T[]> workspace(int64_t count) {
  return std::make_unique_for_overwrite<T[]>(static_cast<size_t>(count));
}

// Counts the marks of every image and returns the most.
int64_t count_most(const cpu::PeakMarks& marks, cpu::PeakMarks::Plane plane,
                   View<int64_t, 1> counts) {
  cpu::count_marks(marks, plane, counts);
  int64_t most = 0;
  for (int64_t b = 0; b < counts.size[0]; ++b) most = std::max(most, counts(b));
  return most;
}

// What find_peaks gives for maps without pixels; their other side may be too long for a workspace.
std::tuple<Tensor, Tensor, Tensor> no_peaks(const Tensor& x, int64_t rows) {
  const int64_t batch = x.size(0);
  Tensor points = new_empty(x, {batch, rows, 2}, ScalarType::Float);
  Tensor scores = new_empty(x, {batch, rows}, ScalarType::Float);
  Tensor counts = new_empty(x, {batch}, ScalarType::Long);
  std::fill_n(static_cast<float*>(points.data_ptr()), points.numel(), -1.0f);
  std::fill_n(static_cast<float*>(scores.data_ptr()), scores.numel(), 0.0f);
  std::fill_n(static_cast<int64_t*>(counts.data_ptr()), batch, int64_t{0});
  return {points, scores, counts};
}

std::tuple<Tensor, Tensor, Tensor> find_peaks_cpu(const Tensor& x, double threshold, int64_t smooth,
                                                  std::optional<int64_t> max_points) {
  check_peaks(x, smooth, max_points);
  if (x.numel() == 0) return no_peaks(x, max_points.value_or(0));
  const View<const float, 3> maps = view<const float, 3>(x);
  const int64_t batch = maps.size[0];
  const int64_t height = maps.size[1];
  const int64_t words = cpu::PeakMarks::words(maps.size[2]);
  const int64_t bands = cpu::PeakMarks::bands(height);
  const auto bits = workspace<int64_t>(batch * height * words * 2);
  const auto marked = workspace<int64_t>(batch * bands * 2);
  const cpu::PeakMarks marks{contiguous_view(bits.get(), batch, height, words, int64_t{2}),
                             contiguous_view(marked.get(), batch, bands, int64_t{2})};
  cpu::mark_peaks(maps, static_cast<float>(threshold), smooth, marks, torch_parallel,
                  instruction_set());

  Tensor counts = new_empty(x, {batch}, ScalarType::Long);
  const View<int64_t, 1> of_images =
      contiguous_view(static_cast<int64_t*>(counts.data_ptr()), batch);
  const int64_t tied = count_most(marks, cpu::PeakMarks::tied, of_images);
  if (tied > 0) {
    const auto stack = workspace<int64_t>(batch * tied);
    cpu::settle_plateaus(maps, smooth, marks, contiguous_view(stack.get(), batch, tied),
                         torch_parallel);
  }

  const int64_t most = count_most(marks, cpu::PeakMarks::peak, of_images);
  const int64_t rows = max_points.value_or(most);
  const int64_t sorted = most > rows ? most : 0;
  const auto found = workspace<Peak>(batch * sorted);
  Tensor points = new_empty(x, {batch, rows, 2}, ScalarType::Float);
  Tensor scores = new_empty(x, {batch, rows}, ScalarType::Float);
  cpu::write_peaks(maps, smooth, marks, view<const int64_t, 1>(counts),
                   contiguous_view(found.get(), batch, sorted), view<float, 3>(points),
                   view<float, 2>(scores), torch_parallel);
  return {points, scores, counts};
}

Tensor integral_image_cpu(const Tensor& image, ScalarType dtype) {
  check_dim(image, 3, "image");
  Tensor table = new_empty(
      image, {image.size(0), table_side(image.size(1)), table_side(image.size(2))}, dtype);
  const bool summed_in_double = image.scalar_type() == ScalarType::Float;
  Tensor workspace =
      new_empty(image, {image.size(0), summed_in_double ? image.size(2) : 0}, ScalarType::Double);
#define RAZ_TRY(In, Out)                                                                           \
  if (image.scalar_type() == scalar_type_of<In> && dtype == scalar_type_of<Out>) {                 \
    cpu::integral_image(view<const In, 3>(image), view<Out, 3>(table), view<double, 2>(workspace), \
                        torch_parallel, instruction_set());                                        \
    return table;                                                                                  \
  }
  RAZ_INTEGRAL_IMAGE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: integral_image is not compiled for this pair of dtypes");
}

Tensor point_map_cpu(const Tensor& points, int64_t height, int64_t width,
                     const std::optional<Tensor>& batch, int64_t batch_size) {
  check_points(points);
  check_not_negative(height, "height");
  check_not_negative(width, "width");
  check_not_negative(batch_size, "batch_size");
  const View<const int64_t, 1> images = batch_view(batch, points);
  Tensor map = new_empty(points, {batch_size, height, width}, ScalarType::Float);
#define RAZ_TRY(Point)                                                                         \
  if (points.scalar_type() == scalar_type_of<Point>) {                                         \
    cpu::point_map(view<const Point, 2>(points), images, view<float, 3>(map), torch_parallel); \
    return map;                                                                                \
  }
  RAZ_POINT_MAP_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: point_map is not compiled for this dtype");
}

// The indexes of the kept points in the first entries of `keep`; returns how many.
int64_t point_nms_into(const Tensor& keep, const Tensor& points, const Tensor& scores,
                       double radius, const std::optional<Tensor>& batch,
                       const std::optional<Tensor>& radii) {
  const View<const int64_t, 1> images = check_point_nms(points, scores, radius, batch);
  const View<const float, 1> of_points = radii_view(radii, points);
  const int64_t count = points.size(0);
  Tensor workspace = new_empty(points, {cpu::point_nms_workspace(count)}, ScalarType::Long);
  return cpu::point_nms(view<const float, 2>(points), view<const float, 1>(scores), images,
                        static_cast<float>(radius), of_points,
                        static_cast<int64_t*>(workspace.data_ptr()),
                        static_cast<int64_t*>(keep.data_ptr()), instruction_set());
}

Tensor point_nms_cpu(const Tensor& points, const Tensor& scores, double radius,
                     const std::optional<Tensor>& batch, const std::optional<Tensor>& radii) {
  check_dim(points, 2, "points");
  Tensor all = new_empty(points, {points.size(0)}, ScalarType::Long);
  const int64_t kept = point_nms_into(all, points, scores, radius, batch, radii);
  // A copy: a view would hold on to the memory of all points.
  Tensor keep = new_empty(points, {kept}, ScalarType::Long);
  std::copy_n(static_cast<const int64_t*>(all.data_ptr()), kept,
              static_cast<int64_t*>(keep.data_ptr()));
  return keep;
}

Tensor point_nms_mask_cpu(const Tensor& points, const Tensor& scores, double radius,
                          const std::optional<Tensor>& batch, const std::optional<Tensor>& radii) {
  check_dim(points, 2, "points");
  Tensor keep = new_empty(points, {points.size(0)}, ScalarType::Long);
  const int64_t kept = point_nms_into(keep, points, scores, radius, batch, radii);
  Tensor mask = new_empty(points, {points.size(0)}, ScalarType::Bool);
  const auto* index = static_cast<const int64_t*>(keep.data_ptr());
  auto* flag = static_cast<bool*>(mask.data_ptr());
  std::fill_n(flag, points.size(0), false);
  for (int64_t i = 0; i < kept; ++i) flag[index[i]] = true;
  return mask;
}

std::tuple<Tensor, Tensor, Tensor> propose_regions_cpu(const Tensor& attention, int64_t num_points,
                                                       const std::vector<double>& scales,
                                                       const std::vector<double>& ratios,
                                                       double score_threshold, double iou_threshold,
                                                       int64_t max_regions, int64_t seed) {
  const Tensor integral = integral_image_cpu(attention, ScalarType::Double);
  check_proposals(num_points, max_regions);
  const AnchorGrid grid{num_points, contiguous_view(scales.data(), scales.size()),
                        contiguous_view(ratios.data(), ratios.size()), seed};
  const int64_t batch = attention.size(0);
  Tensor anchors = new_empty(attention, {4, grid.count()}, ScalarType::Float);
  Tensor anchor_scores = new_empty(attention, {batch, grid.count()}, ScalarType::Float);
  Tensor boxes = new_empty(attention, {batch, max_regions, 4}, ScalarType::Float);
  Tensor scores = new_empty(attention, {batch, max_regions}, ScalarType::Float);
  Tensor counts = new_empty(attention, {batch}, ScalarType::Long);
  cpu::propose_regions(view<const double, 3>(integral), grid, {score_threshold, iou_threshold},
                       {view<float, 2>(anchors), view<float, 2>(anchor_scores)},
                       {view<float, 3>(boxes), view<float, 2>(scores), view<int64_t, 1>(counts)},
                       torch_parallel);
  return {boxes, scores, counts};
}

Tensor score_anchors_cpu(const Tensor& integral, const Tensor& boxes, bool mean) {
  check_anchors(integral, boxes);
#define RAZ_TRY(Table, Box, Out)                                                           \
  if (integral.scalar_type() == scalar_type_of<Table> &&                                   \
      boxes.scalar_type() == scalar_type_of<Box>) {                                        \
    Tensor scores = new_empty(boxes, {boxes.size(0), boxes.size(1)}, scalar_type_of<Out>); \
    cpu::score_anchors(view<const Table, 3>(integral), view<const Box, 3>(boxes),          \
                       view<Out, 2>(scores), mean, torch_parallel);                        \
    return scores;                                                                         \
  }
  RAZ_SCORE_ANCHORS_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: score_anchors is not compiled for this pair of dtypes");
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CPU, m) {
  using namespace raz;
  m.impl("attention_map", TORCH_BOX(&attention_map_cpu));
  m.impl("congestion", TORCH_BOX(&congestion_cpu));
  m.impl("crop_and_resize", TORCH_BOX(&crop_and_resize_cpu));
  m.impl("density_map", TORCH_BOX(&density_map_cpu));
  m.impl("find_peaks", TORCH_BOX(&find_peaks_cpu));
  m.impl("integral_image", TORCH_BOX(&integral_image_cpu));
  m.impl("point_map", TORCH_BOX(&point_map_cpu));
  m.impl("point_nms", TORCH_BOX(&point_nms_cpu));
  m.impl("point_nms_mask", TORCH_BOX(&point_nms_mask_cpu));
  m.impl("propose_regions", TORCH_BOX(&propose_regions_cpu));
  m.impl("score_anchors", TORCH_BOX(&score_anchors_cpu));
}
