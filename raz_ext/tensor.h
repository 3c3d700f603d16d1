// From torch's tensors to raz's views: the bridge that every adapter uses.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

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

// Asks Linux to back large CPU memory by huge pages, before it is written to: thousands of small
// pages take longer to appear than most kernels take to fill them. Elsewhere nothing is asked.
inline void prefer_huge_pages([[maybe_unused]] const Tensor& tensor) {
#ifdef __linux__
  constexpr uintptr_t least = uintptr_t{4} << 20;
  constexpr uintptr_t page = uintptr_t{64} << 10;  // a multiple of every processor's page size
  const auto bytes = static_cast<uintptr_t>(tensor.numel()) * tensor.element_size();
  if (bytes < least || !tensor.is_cpu()) return;
  const auto begin = reinterpret_cast<uintptr_t>(tensor.data_ptr());
  const uintptr_t first_page = (begin + page - 1) / page * page;
  // A refusal costs time alone.
  madvise(reinterpret_cast<void*>(first_page), begin + bytes - first_page, MADV_HUGEPAGE);
#endif
}

// An uninitialised contiguous tensor on the device of `like`.
inline Tensor new_empty(const Tensor& like, std::initializer_list<int64_t> size, ScalarType dtype) {
  Tensor tensor = torch::stable::new_empty(like, {size.begin(), size.size()}, dtype);
  prefer_huge_pages(tensor);
  return tensor;
}

// torch's own thread pool, so that torch.set_num_threads governs raz too.
inline constexpr Parallel torch_parallel{
    [](int64_t count, int64_t grain, Parallel::Task task, void* context) {
      torch::stable::parallel_for(0, count, grain,
                                  [&](int64_t begin, int64_t end) { task(context, begin, end); });
    }};

}  // namespace raz
