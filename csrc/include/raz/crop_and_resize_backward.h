// Gradients of crop_and_resize, see there.
//
// grad    [K, C, h, w], any strides, of the crops
// images  [B, C, H, W], any strides
// std     [C], or no data: 1
//
// A crop that is zero because it is not readable gives nothing. Every entry of a result adds in the
// order of crops, rows and columns: the same bits for any number of threads.
#pragma once

#include "raz/crop_and_resize.h"

namespace raz::cpu {

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

}  // namespace raz::cpu

// The types that are compiled: X(T) for images, RAZ_CROP_AND_RESIZE_TYPES for boxes.
#define RAZ_CROP_AND_RESIZE_BACKWARD_TYPES(X) \
  X(float)                                    \
  X(double)
