// A strided view of memory owned by somebody else: pointer, sizes, strides (in elements, int64).
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define RAZ_HOST_DEVICE __host__ __device__
#else
#define RAZ_HOST_DEVICE
#endif

namespace raz {

template <class T, int Rank>
struct View {
  T* data = nullptr;
  int64_t size[Rank] = {};
  int64_t stride[Rank] = {};

  template <class... Index>
  RAZ_HOST_DEVICE T& operator()(Index... index) const {
    static_assert(sizeof...(Index) == Rank, "one index per dimension");
    const int64_t at[Rank] = {static_cast<int64_t>(index)...};
    int64_t offset = 0;
    for (int d = 0; d < Rank; ++d) offset += at[d] * stride[d];
    return data[offset];
  }

  RAZ_HOST_DEVICE int64_t numel() const {
    int64_t n = 1;
    for (int d = 0; d < Rank; ++d) {
      if (size[d] == 0) return 0;  // the others may be of any size: their product may overflow
    }
    for (int d = 0; d < Rank; ++d) n *= size[d];
    return n;
  }
};

// A row-major view of contiguous memory.
template <class T, class... Size>
RAZ_HOST_DEVICE View<T, sizeof...(Size)> contiguous_view(T* data, Size... sizes) {
  constexpr int rank = sizeof...(Size);
  View<T, rank> view{data, {static_cast<int64_t>(sizes)...}, {}};
  int64_t step = 1;
  for (int d = rank - 1; d >= 0; --d) {
    view.stride[d] = step;
    step *= view.size[d];
  }
  return view;
}

}  // namespace raz
