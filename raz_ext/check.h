// Checks that keep memory safe whatever reaches an operator. The messages meant for users are
// written once, in python/raz/ops; these are the backstop for direct callers of torch.ops.raz.
#pragma once

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

}  // namespace raz
