// From torch's tensors to raz's views: the bridge that every adapter uses.
#pragma once

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

using torch::headeronly::ScalarType;
using torch::stable::Tensor;

// The torch dtype of a C++ type.
template <class T>
inline constexpr ScalarType scalar_type_of = torch::headeronly::CppTypeToScalarType<T>::value;

// The view keeps the tensor's strides. T is const for inputs.
template <class T, int Rank>
View<T, Rank> view(const Tensor& tensor) {
  STD_TORCH_CHECK(tensor.dim() == Rank, "raz: expected ", Rank, " dimensions, got ", tensor.dim());
  View<T, Rank> result;
  result.data = static_cast<T*>(tensor.data_ptr());
  for (int d = 0; d < Rank; ++d) {
    result.size[d] = tensor.size(d);
    result.stride[d] = tensor.stride(d);
  }
  return result;
}

// An uninitialised contiguous tensor on the device of `like`.
inline Tensor new_empty(const Tensor& like, std::initializer_list<int64_t> size, ScalarType dtype) {
  return torch::stable::new_empty(like, {size.begin(), size.size()}, dtype);
}

// torch's own thread pool, so that torch.set_num_threads governs raz too.
inline constexpr Parallel torch_parallel{
    [](int64_t count, int64_t grain, Parallel::Task task, void* context) {
      torch::stable::parallel_for(0, count, grain,
                                  [&](int64_t begin, int64_t end) { task(context, begin, end); });
    }};

}  // namespace raz
