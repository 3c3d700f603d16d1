// Checks that keep memory safe whatever reaches an operator. The messages meant for users are
// written once, in python/raz/ops; these are the backstop for direct callers of torch.ops.raz.
#pragma once

#include <cmath>
#include <initializer_list>
#include <limits>
#include <optional>

#include "raz/congestion.h"
#include "raz/longest_side.h"
#include "raz/point_nms.h"
#include "tensor.h"

namespace raz {

inline void check_dim(const Tensor& tensor, int64_t dim, const char* name) {
  STD_TORCH_CHECK(tensor.dim() == dim, "raz: ", name, " must have ", dim, " dimensions, got ",
                  tensor.dim());
}

inline void check_size(const Tensor& tensor, int64_t dim, int64_t size, const char* name) {
  STD_TORCH_CHECK(tensor.size(dim) == size, "raz: ", name, " must have size ", size,
                  " in dimension ", dim, ", got ", tensor.size(dim));
}

inline void check_dtype(const Tensor& tensor, ScalarType dtype, const char* name) {
  STD_TORCH_CHECK(tensor.scalar_type() == dtype, "raz: ", name, " has the wrong dtype");
}

inline void check_same_device(const Tensor& a, const Tensor& b, const char* name) {
  STD_TORCH_CHECK(a.device() == b.device(), "raz: ", name, " must be on the same device");
}

inline void check_anchors(const Tensor& integral, const Tensor& boxes) {
  check_dim(integral, 3, "integral");
  check_dim(boxes, 3, "boxes");
  check_size(boxes, 0, integral.size(0), "boxes");
  check_size(boxes, 2, 4, "boxes");
  check_same_device(integral, boxes, "boxes");
  STD_TORCH_CHECK(integral.size(1) > 0 && integral.size(2) > 0,
                  "raz: integral must have at least one row and one column");
}

inline void check_anchors_grad(const Tensor& grad, const Tensor& boxes) {
  check_dim(grad, 2, "grad");
  check_dim(boxes, 3, "boxes");
  check_size(grad, 0, boxes.size(0), "grad");
  check_size(grad, 1, boxes.size(1), "grad");
  check_size(boxes, 2, 4, "boxes");
  check_dtype(grad, ScalarType::Double, "grad");
  check_dtype(boxes, ScalarType::Double, "boxes");
  check_same_device(grad, boxes, "grad");
}

inline void check_not_negative(int64_t value, const char* name) {
  STD_TORCH_CHECK(value >= 0, "raz: ", name, " must not be negative, got ", value);
}

// Heads or peaks, [N, 2].
inline void check_points(const Tensor& points) {
  check_dim(points, 2, "points");
  check_size(points, 1, 2, "points");
}

// The image of every row of `rows`; a view of no data where there is one image.
inline View<const int64_t, 1> batch_view(const std::optional<Tensor>& batch, const Tensor& rows) {
  if (!batch) return {};
  check_dim(*batch, 1, "batch");
  check_size(*batch, 0, rows.size(0), "batch");
  check_dtype(*batch, ScalarType::Long, "batch");
  check_same_device(*batch, rows, "batch");
  return view<const int64_t, 1>(*batch);
}

inline void check_crops(const Tensor& images, const Tensor& boxes, int64_t height, int64_t width) {
  check_dim(images, 4, "images");
  check_dim(boxes, 2, "boxes");
  check_size(boxes, 1, 4, "boxes");
  check_dtype(boxes, ScalarType::Double, "boxes");
  check_same_device(images, boxes, "boxes");
  check_not_negative(height, "height");
  check_not_negative(width, "width");
}

inline void check_peaks(const Tensor& x, int64_t smooth, std::optional<int64_t> max_points) {
  check_dim(x, 3, "x");
  check_dtype(x, ScalarType::Float, "x");
  STD_TORCH_CHECK(smooth == 1 || smooth == 3, "raz: smooth must be 1 or 3, got ", smooth);
  STD_TORCH_CHECK(!max_points || *max_points >= 0, "raz: max_points must be at least 0, got ",
                  *max_points);
}

// A value per channel; a view of no data where none is given.
template <class T>
View<const T, 1> channel_view(const std::optional<Tensor>& values, const Tensor& images,
                              const char* name) {
  if (!values) return {};
  check_dim(*values, 1, name);
  check_size(*values, 0, images.size(1), name);
  check_dtype(*values, scalar_type_of<T>, name);
  check_same_device(*values, images, name);
  return view<const T, 1>(*values);
}

// At most 2^32 points, in float32. Returns the view of `batch`.
inline View<const int64_t, 1> check_point_nms(const Tensor& points, const Tensor& scores,
                                              double radius, const std::optional<Tensor>& batch) {
  check_points(points);
  check_dtype(points, ScalarType::Float, "points");
  STD_TORCH_CHECK(points.size(0) <= int64_t{1} << 32, "raz: at most 2^32 points, got ",
                  points.size(0));
  check_dim(scores, 1, "scores");
  check_size(scores, 0, points.size(0), "scores");
  check_dtype(scores, ScalarType::Float, "scores");
  check_same_device(scores, points, "scores");
  STD_TORCH_CHECK(radius >= 0 && static_cast<float>(radius) <= point_nms_max_radius,
                  "raz: radius must be in [0, ", point_nms_max_radius, "], got ", radius);
  return batch_view(batch, points);
}

// The radius of every point; a view of no data where all have the same.
inline View<const float, 1> radii_view(const std::optional<Tensor>& radii, const Tensor& points) {
  if (!radii) return {};
  check_dim(*radii, 1, "radii");
  check_size(*radii, 0, points.size(0), "radii");
  check_dtype(*radii, ScalarType::Float, "radii");
  check_same_device(*radii, points, "radii");
  return view<const float, 1>(*radii);
}

inline void check_proposals(int64_t num_points, int64_t max_regions) {
  // More would overflow the number of anchors before it fills the memory.
  constexpr int64_t most_points = int64_t{1} << 31;
  STD_TORCH_CHECK(num_points >= 0 && num_points <= most_points && max_regions >= 0,
                  "raz: propose_regions: num_points or max_regions is out of range");
}

// How many rows or columns a table of sums has for so many of the map.
inline int64_t table_side(int64_t length) {
  check_not_negative(length, "size");
  STD_TORCH_CHECK(length < std::numeric_limits<int64_t>::max(), "raz: size must be below 2^63 - 1");
  return length + 1;
}

// How many cells of side `stride` cover a length, the last one cut.
inline int64_t cells(int64_t length, int64_t stride) {
  check_not_negative(length, "size");
  STD_TORCH_CHECK(stride > 0, "raz: stride must be positive, got ", stride);
  return length / stride + (length % stride != 0);
}

// For kernels that count rows and columns in 32 bits.
inline void check_sides(std::initializer_list<int64_t> sides) {
  for (const int64_t side : sides) {
    STD_TORCH_CHECK(side <= longest_side, "raz: sides must be at most ", longest_side, ", got ",
                    side);
  }
}

inline void check_congestion(const Tensor& points, int64_t neighbours) {
  check_points(points);
  check_dtype(points, ScalarType::Double, "points");
  STD_TORCH_CHECK(1 <= neighbours && neighbours <= congestion_most_neighbours,
                  "raz: neighbours must be in [1, ", congestion_most_neighbours, "], got ",
                  neighbours);
}

inline void check_attention_map(const Tensor& points, int64_t batch_size, double sigma) {
  check_points(points);
  check_dtype(points, ScalarType::Double, "points");
  check_not_negative(batch_size, "batch_size");
  STD_TORCH_CHECK(sigma > 0 && std::isfinite(sigma), "raz: sigma must be positive and finite");
}

// Gradients of results, before they are taken back to what the results were made of.
inline void check_integral_grad(const Tensor& grad) {
  check_dim(grad, 3, "grad");
  STD_TORCH_CHECK(grad.size(1) > 0 && grad.size(2) > 0,
                  "raz: grad must have at least one row and one column");
}

inline void check_crops_grad(const Tensor& grad, const Tensor& images, const Tensor& boxes) {
  check_crops(images, boxes, 0, 0);
  check_dim(grad, 4, "grad");
  check_size(grad, 0, boxes.size(0), "grad");
  check_size(grad, 1, images.size(1), "grad");
  check_same_device(grad, images, "grad");
}

inline void check_density_grad(const Tensor& grad, const Tensor& points, int64_t height,
                               int64_t width, int64_t stride) {
  check_points(points);
  check_dtype(points, ScalarType::Double, "points");
  check_dim(grad, 3, "grad");
  check_dtype(grad, ScalarType::Double, "grad");
  check_same_device(grad, points, "grad");
  check_size(grad, 1, cells(height, stride), "grad");
  check_size(grad, 2, cells(width, stride), "grad");
}

}  // namespace raz
