// The one way a kernel is launched, so that the same .cu source also compiles as plain C++: there
// the "grid" is a loop on the host, which is what the tests run on machines without a GPU.
// A kernel is a function object, `RAZ_DEVICE void operator()(int64_t index, args...) const`, run
// for every index of a range. (Kernels in which threads of a block work together are not served
// yet.)
#pragma once

#include <cstdint>

#include "raz/view.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#define RAZ_DEVICE __device__
#else
#define RAZ_DEVICE
#endif

namespace raz::cuda {

inline constexpr int threads_per_block = 256;

#if defined(__CUDACC__)

template <class Kernel, class... Args>
__global__ void run_kernel(Kernel kernel, int64_t count, Args... args) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  int64_t index = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (; index < count; index += step) kernel(index, args...);
}

// Runs kernel(index, args...) for every index in [0, count) on the stream; returns a cudaError_t.
template <class Kernel, class... Args>
int launch(Kernel kernel, int64_t count, void* stream, Args... args) {
  if (count <= 0) return 0;
  constexpr int64_t most_blocks = int64_t{1} << 20;
  const int64_t wanted = (count + threads_per_block - 1) / threads_per_block;
  const auto blocks = static_cast<unsigned>(wanted < most_blocks ? wanted : most_blocks);
  run_kernel<<<blocks, threads_per_block, 0, static_cast<cudaStream_t>(stream)>>>(kernel, count,
                                                                                  args...);
  return static_cast<int>(cudaGetLastError());
}

#else

template <class Kernel, class... Args>
int launch(Kernel kernel, int64_t count, void*, Args... args) {
  for (int64_t index = 0; index < count; ++index) kernel(index, args...);
  return 0;
}

#endif

}  // namespace raz::cuda
