// The two ways a kernel is launched. A kernel is a function object whose call operator is
// RAZ_DEVICE and const:
//
//   launch(kernel, count, stream, args...)
//       runs kernel(index, args...) for every index in [0, count), one by one;
//   launch_blocks<Threads>(kernel, blocks, shared_bytes, stream, args...)
//       runs kernel(block, args...) in every thread of `blocks` blocks, whose threads work
//       together.
//
// The same .cu source also compiles as plain C++ (cuda/emulation.h): the tests run it on machines
// without a GPU.
#pragma once

#include <cstdint>

#include "raz/view.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#define RAZ_DEVICE __device__
#else
#define RAZ_DEVICE
#include "cuda/emulation.h"
#endif

namespace raz::cuda {

inline constexpr int threads_per_block = 256;
inline constexpr int warp_threads = 32;

#if defined(__CUDACC__)

// The block that a thread belongs to. What synchronises or exchanges must be reached by all threads
// of the block, or by all 32 lanes of the warp.
class Block {
 public:
  RAZ_DEVICE int64_t index() const { return blockIdx.x; }
  RAZ_DEVICE int64_t count() const { return gridDim.x; }
  RAZ_DEVICE int thread() const { return static_cast<int>(threadIdx.x); }
  RAZ_DEVICE int threads() const { return static_cast<int>(blockDim.x); }
  RAZ_DEVICE int lane() const { return thread() % warp_threads; }
  RAZ_DEVICE int warp() const { return thread() / warp_threads; }

  // Dynamic shared memory, 16-byte aligned; uninitialised.
  template <class T>
  RAZ_DEVICE T* shared() const {
    extern __shared__ __align__(16) unsigned char raz_shared_memory[];
    return reinterpret_cast<T*>(raz_shared_memory);
  }

  RAZ_DEVICE void sync() const { __syncthreads(); }
  RAZ_DEVICE void sync_warp() const { __syncwarp(); }

  // T: 4 or 8 bytes. The value of another lane; shuffle_up and shuffle_down give a lane its own
  // value where there is no other.
  template <class T>
  RAZ_DEVICE T shuffle(T value, int lane) const {
    return __shfl_sync(all_lanes, value, lane);
  }
  template <class T>
  RAZ_DEVICE T shuffle_up(T value, int lanes) const {
    return __shfl_up_sync(all_lanes, value, lanes);
  }
  template <class T>
  RAZ_DEVICE T shuffle_down(T value, int lanes) const {
    return __shfl_down_sync(all_lanes, value, lanes);
  }
  template <class T>
  RAZ_DEVICE T shuffle_xor(T value, int mask) const {
    return __shfl_xor_sync(all_lanes, value, mask);
  }

  // Bit i: what lane i said.
  RAZ_DEVICE uint32_t ballot(bool holds) const { return __ballot_sync(all_lanes, holds); }

 private:
  static constexpr unsigned all_lanes = 0xFFFFFFFFu;
};

// Atomics on global or shared memory, relaxed; they return the old value. T: int32_t, uint32_t,
// int64_t or uint64_t.
template <class T>
struct AtomicWord;
template <>
struct AtomicWord<int32_t> {
  using type = int;
};
template <>
struct AtomicWord<uint32_t> {
  using type = unsigned;
};
template <>
struct AtomicWord<int64_t> {
  using type = long long;
};
template <>
struct AtomicWord<uint64_t> {
  using type = unsigned long long;
};

template <class T>
RAZ_DEVICE auto* atomic_word(T* at) {
  return reinterpret_cast<typename AtomicWord<T>::type*>(at);
}

// CUDA has add, or, exchange and compare-and-swap of unsigned words alone; they are the same for
// signed ones.
template <class T>
RAZ_DEVICE auto* unsigned_word(T* at) {
  if constexpr (sizeof(T) == 4) {
    return reinterpret_cast<unsigned*>(at);
  } else {
    return reinterpret_cast<unsigned long long*>(at);
  }
}

template <class T>
RAZ_DEVICE T atomic_add(T* at, T value) {
  return static_cast<T>(atomicAdd(unsigned_word(at), value));
}
template <class T>
RAZ_DEVICE T atomic_min(T* at, T value) {
  return static_cast<T>(atomicMin(atomic_word(at), value));
}
template <class T>
RAZ_DEVICE T atomic_max(T* at, T value) {
  return static_cast<T>(atomicMax(atomic_word(at), value));
}
template <class T>
RAZ_DEVICE T atomic_or(T* at, T value) {
  return static_cast<T>(atomicOr(unsigned_word(at), value));
}
template <class T>
RAZ_DEVICE T atomic_exchange(T* at, T value) {
  return static_cast<T>(atomicExch(unsigned_word(at), value));
}
template <class T>
RAZ_DEVICE T atomic_compare_exchange(T* at, T expected, T value) {
  return static_cast<T>(atomicCAS(unsigned_word(at), expected, value));
}

// What this thread wrote before is seen, by whoever sees what it writes afterwards.
RAZ_DEVICE inline void thread_fence() { __threadfence(); }

// A pair across blocks: what was written before the store is seen after a load that finds its
// value. T: 4 or 8 bytes.
template <class T>
RAZ_DEVICE T load_acquire(const T* at) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4) {
    unsigned word;
    asm volatile("ld.acquire.gpu.u32 %0, [%1];" : "=r"(word) : "l"(at) : "memory");
    return __builtin_bit_cast(T, word);
  } else {
    unsigned long long word;
    asm volatile("ld.acquire.gpu.u64 %0, [%1];" : "=l"(word) : "l"(at) : "memory");
    return __builtin_bit_cast(T, word);
  }
#else
  return *at;  // the compiler's pass over host code, which never runs
#endif
}

template <class T>
RAZ_DEVICE void store_release(T* at, T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
#if defined(__CUDA_ARCH__)
  if constexpr (sizeof(T) == 4) {
    const auto word = __builtin_bit_cast(unsigned, value);
    asm volatile("st.release.gpu.u32 [%0], %1;" ::"l"(at), "r"(word) : "memory");
  } else {
    const auto word = __builtin_bit_cast(unsigned long long, value);
    asm volatile("st.release.gpu.u64 [%0], %1;" ::"l"(at), "l"(word) : "memory");
  }
#else
  *at = value;
#endif
}

template <class Kernel, class... Args>
__global__ void run_kernel(Kernel kernel, int64_t count, Args... args) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  int64_t index = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (; index < count; index += step) kernel(index, args...);
}

template <int Threads, int Resident, class Kernel, class... Args>
__global__ void __launch_bounds__(Threads, Resident) run_blocks(Kernel kernel, Args... args) {
  kernel(Block{}, args...);
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

// Runs kernel(block, args...) in every thread of `blocks` blocks of `Threads` threads, with
// shared_bytes of dynamic shared memory each, on the stream; returns a cudaError_t. 0 blocks is no
// launch. A block may wait for blocks that are known to run: those that drew their number from an
// atomic counter before it, never those of lower or higher index as such.
// Resident: blocks that a multiprocessor shall hold at once; 0 leaves it to the compiler, which may
// then spill registers to make room for more.
template <int Threads, int Resident = 0, class Kernel, class... Args>
int launch_blocks(Kernel kernel, int64_t blocks, int64_t shared_bytes, void* stream, Args... args) {
  static_assert(Threads % warp_threads == 0 && 0 < Threads && Threads <= 1024);
  constexpr int64_t most_blocks = (int64_t{1} << 31) - 1;
  constexpr int64_t unasked_bytes = int64_t{48} << 10;
  if (blocks <= 0) return 0;
  if (blocks > most_blocks) return static_cast<int>(cudaErrorInvalidConfiguration);
  const auto run = run_blocks<Threads, Resident, Kernel, Args...>;
  if (shared_bytes > unasked_bytes) {
    const cudaError_t error = cudaFuncSetAttribute(run, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shared_bytes));
    if (error != cudaSuccess) return static_cast<int>(error);
  }
  run<<<static_cast<unsigned>(blocks), Threads, static_cast<size_t>(shared_bytes),
        static_cast<cudaStream_t>(stream)>>>(kernel, args...);
  return static_cast<int>(cudaGetLastError());
}

#else

template <class Kernel, class... Args>
int launch(Kernel kernel, int64_t count, void*, Args... args) {
  for (int64_t index = 0; index < count; ++index) kernel(index, args...);
  return 0;
}

template <int Threads, int Resident = 0, class Kernel, class... Args>
int launch_blocks(Kernel kernel, int64_t blocks, int64_t shared_bytes, void*, Args... args) {
  static_assert(Threads % warp_threads == 0 && 0 < Threads && Threads <= 1024);
  return emulation::run_blocks(Threads, blocks, shared_bytes,
                               [&](const Block& block) { kernel(block, args...); });
}

#endif

}  // namespace raz::cuda
