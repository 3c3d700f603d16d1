#include "cuda/launch.h"
#include "raz/integral_image.h"

namespace raz::cuda {
namespace {

// Running sum of one image row into the table's row below it.
struct SumRow {
  template <class In, class Out>
  RAZ_DEVICE void operator()(int64_t index, View<const In, 3> image, View<Out, 3> table) const {
    const int64_t b = index / image.size[1];
    const int64_t y = index % image.size[1];
    Out sum{0};
    table(b, y + 1, 0) = Out{0};
    for (int64_t x = 0; x < image.size[2]; ++x) {
      sum += static_cast<Out>(image(b, y, x));
      table(b, y + 1, x + 1) = sum;
    }
  }
};

// Running sum down one column of the table.
struct SumColumn {
  template <class Out>
  RAZ_DEVICE void operator()(int64_t index, View<Out, 3> table) const {
    const int64_t b = index / table.size[2];
    const int64_t x = index % table.size[2];
    Out sum{0};
    table(b, 0, x) = sum;
    for (int64_t y = 1; y < table.size[1]; ++y) {
      sum += table(b, y, x);
      table(b, y, x) = sum;
    }
  }
};

}  // namespace

// 1. A thread a row sums from the left. 2. A thread a column sums from the top: neighbours in a
// warp read neighbouring columns, so this half is coalesced.
template <class In, class Out>
int integral_image(View<const In, 3> image, View<Out, 3> table, void* stream) {
  const int error = launch(SumRow{}, image.size[0] * image.size[1], stream, image, table);
  if (error != 0) return error;
  return launch(SumColumn{}, table.size[0] * table.size[2], stream, table);
}

#define RAZ_INSTANTIATE(In, Out) \
  template int integral_image(View<const In, 3>, View<Out, 3>, void*);
RAZ_INTEGRAL_IMAGE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
