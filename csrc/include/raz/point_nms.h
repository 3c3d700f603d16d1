// Greedy non-maximum suppression of points: by descending score, ties to the lower index, a point
// is kept unless a kept point of its own image lies at distance <= its radius.
//
// points  float32 [N, 2] (x, y), any strides
// scores  float32 [N], any stride; a NaN score drops the point
// batch   int64 [N], any labels, or data == nullptr when all points are of one image
// radius  0 <= radius <= point_nms_max_radius
// radii   float32 [N], any stride: the radius of each point; what exceeds `radius` is taken as it,
//         and a point whose own is negative or NaN is never suppressed. data == nullptr when all
//         are `radius`.
//
// dx * dx + dy * dy <= r * r, every operation rounded to float32: no fused multiply-add.
// So a point with a NaN or infinite coordinate neither suppresses nor is suppressed.
#pragma once

#include "raz/instruction_set.h"
#include "raz/view.h"

namespace raz {

// Keeps radius * radius finite in float32.
inline constexpr float point_nms_max_radius = 1e18f;

// The largest squared distance at which point i is suppressed; negative where it never is.
RAZ_HOST_DEVICE inline float point_nms_limit(View<const float, 1> radii, int64_t i, float radius) {
  if (radii.data == nullptr) return radius * radius;
  const float own = radii(i);
  if (!(own >= 0)) return -1;
  const float bounded = own < radius ? own : radius;
  return bounded * bounded;
}

}  // namespace raz

namespace raz::cpu {

// Elements of int64 workspace for N points; what is not needed is not touched.
int64_t point_nms_workspace(int64_t count);

// Writes the indexes of the kept points to keep (room for N), by descending score; returns how
// many. N at most 2^32. Scores are sorted digit by digit, and kept points are looked up in a grid:
// time N where at most 16 N cells of radius^2 / 2 cover the points, however dense they lie; else
// the grid is hashed, and N is the time expected. With radii the grid is hashed too, and a point
// is compared with all kept points within about twice the largest radius.
int64_t point_nms(View<const float, 2> points, View<const float, 1> scores,
                  View<const int64_t, 1> batch, float radius, View<const float, 1> radii,
                  int64_t* workspace, int64_t* keep, InstructionSet set);

}  // namespace raz::cpu

namespace raz::cuda {

// Elements of int64 workspace for N points, at a multiple of 16 bytes; about 8 N. N at most 2^32.
int64_t point_nms_workspace(int64_t count);

// Points are ranked by a radix sort, looked up in a hashed grid of the radius, and decided in the
// order of rank as far as they depend on each other, else at once: the time grows with the number
// of points within `radius`, and with the longest row of points each of which waits for the one
// before.
// stream: a cudaStream_t. Each returns a cudaError_t (0 = success).

// mask [N], any stride: whether each point is kept.
int point_nms_mask(View<const float, 2> points, View<const float, 1> scores,
                   View<const int64_t, 1> batch, float radius, View<const float, 1> radii,
                   int64_t* workspace, View<bool, 1> mask, void* stream);

// The same as a list, in two steps, since its length is the caller's to read: how many are kept,
// then, from the same workspace, their indexes by descending score. total, keep: on the device.
int point_nms_count(View<const float, 2> points, View<const float, 1> scores,
                    View<const int64_t, 1> batch, float radius, View<const float, 1> radii,
                    int64_t* workspace, int64_t* total, void* stream);
int point_nms_keep(int64_t count, int64_t* workspace, int64_t* keep, void* stream);

}  // namespace raz::cuda
