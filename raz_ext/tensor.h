// From torch's tensors to raz's views: the bridge that every adapter uses.
#pragma once

#ifdef __linux__
#include <sys/mman.h>
#endif

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>
#include <torch/headeronly/core/ScalarType.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "raz/compiler.h"
#include "raz/parallel.h"
#include "raz/view.h"

// torch exports it since 2.13, and the module must load under 2.10 all the same. Windows has no
// weak symbols: there every torch is treated as one before 2.13.
#ifdef _WIN32
inline constexpr const char* (*torch_exception_get_what_without_backtrace)() = nullptr;
#else
extern "C" RAZ_WEAK const char* torch_exception_get_what_without_backtrace();
#endif

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

// Says what there is no tensor for. torch since 2.13 knows why; before, its C interface only fails,
// and with checked sizes that is for want of memory, which callers tell by these words.
[[noreturn]] inline void throw_no_tensor(const Tensor& like, std::initializer_list<int64_t> size,
                                         ScalarType dtype) {
  const bool knows_why = torch_exception_get_what_without_backtrace != nullptr;
  std::ostringstream message;
  message << "raz: " << (knows_why ? "torch gives no" : "can't allocate memory for a")
          << " tensor [";
  const char* separator = "";
  for (const int64_t length : size) message << std::exchange(separator, ", ") << length;
  message << "] of " << torch::headeronly::toString(dtype) << " on ";
  if (like.is_cpu()) {
    message << "the CPU";
  } else {
    message << "device " << like.get_device_index();
  }
  if (knows_why) message << ": " << torch_exception_get_what_without_backtrace();
  throw std::runtime_error(message.str());
}

// An uninitialised contiguous tensor on the device of `like`. torch::stable::new_empty would look
// the operator up by its name on every call, which costs more than a small kernel.
inline Tensor new_empty(const Tensor& like, std::initializer_list<int64_t> size, ScalarType dtype) {
  constexpr size_t most = 4;
  STD_TORCH_CHECK(size.size() <= most, "raz: new_empty is limited to ", most, " dimensions");
  std::array<int64_t, most> strides{};
  uint64_t stride = 1;  // unsigned: sizes beyond all memory wrap, and torch refuses them
  for (size_t d = size.size(); d-- > 0;) {
    strides[d] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(std::max<int64_t>(size.begin()[d], 1));
  }
  int32_t device_type;
  int32_t device_index;
  AtenTensorHandle tensor;
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_type(like.get(), &device_type));
  STABLE_TORCH_ERROR_CODE_CHECK(aoti_torch_get_device_index(like.get(), &device_index));
  const AOTITorchError error = aoti_torch_empty_strided(
      static_cast<int64_t>(size.size()), size.begin(), strides.data(),
      torch::stable::detail::to<int32_t>(torch::stable::detail::from(dtype)), device_type,
      device_index, &tensor);
  if (error != TORCH_SUCCESS) throw_no_tensor(like, size, dtype);
  Tensor result(tensor);
  prefer_huge_pages(result);
  return result;
}

// torch's own thread pool, so that torch.set_num_threads governs raz too.
inline constexpr Parallel torch_parallel{
    [](int64_t count, int64_t grain, Parallel::Task task, void* context) {
      torch::stable::parallel_for(0, count, grain,
                                  [&](int64_t begin, int64_t end) { task(context, begin, end); });
    }};

}  // namespace raz
