// Gradients of crop_and_resize, see there.
//
// grad    [K, C, h, w], any strides, of the crops
// images  [B, C, H, W], any strides
// std     [C], or no data: 1
//
// A crop that is zero because it is not readable gives nothing. Every entry of a result adds in the
// order of crops, rows and columns: the same bits for any number of threads. CUDA gives the images
// the same bits; to the boxes it adds, always in the same order, parts of a crop, and computes what
// one sample gives in Out, not in double.
#pragma once

#include "raz/crop_and_resize.h"

namespace raz {

// Where a row or a column of a crop reads: between pixel `first` and the next one.
template <class T>
struct CropSample {
  int32_t first;
  T weight;  // of the next one
};

namespace cpu {

// With respect to the images, in their type T.
template <class T>
void crop_and_resize_backward_images(View<const T, 4> grad, Crops crops, View<const T, 1> std,
                                     View<T, 4> images_grad, const Parallel& parallel);

// With respect to the edges, in double. A sample that is clamped to the image's pixel centres does
// not move; one that lies on a centre moves to the right.
// boxes_grad  [K, 4], any strides
template <class In, class Out>
void crop_and_resize_backward_boxes(View<const Out, 4> grad, View<const In, 4> images, Crops crops,
                                    View<const Out, 1> std, View<double, 2> boxes_grad,
                                    const Parallel& parallel);

}  // namespace cpu

namespace cuda {

// What one block adds of a crop for its box.
inline constexpr int crop_and_resize_backward_part_rows = 32;
inline constexpr int crop_and_resize_backward_part_columns = 256;

// Sides of images and crops: at most longest_side (raz/longest_side.h).
// samples: workspace, [K, h + w], contiguous. Time grows with the number of crops that reach a
// pixel and of their samples there: a box far outside the image gathers all of them at its border.
// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
template <class T>
int crop_and_resize_backward_images(View<const T, 4> grad, Crops crops, View<const T, 1> std,
                                    View<CropSample<T>, 2> samples, View<T, 4> images_grad,
                                    void* stream);

// parts: workspace, [K, ceil(h / part_rows) * ceil(w / part_columns), 4]
template <class In, class Out>
int crop_and_resize_backward_boxes(View<const Out, 4> grad, View<const In, 4> images, Crops crops,
                                   View<const Out, 1> std, View<double, 3> parts,
                                   View<double, 2> boxes_grad, void* stream);

}  // namespace cuda
}  // namespace raz

// The types that are compiled: X(T) for images, RAZ_CROP_AND_RESIZE_TYPES for boxes.
#define RAZ_CROP_AND_RESIZE_BACKWARD_TYPES(X) \
  X(float)                                    \
  X(double)
