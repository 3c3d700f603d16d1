#include "raz/integral_image.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <utility>

#define RAZ_KERNEL_FILE "cpu/integral_image_rows.inc"
#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {
namespace {

// Sums run in double and are rounded once, so that a float table is as good as it can be.
template <bool contiguous, class Out>
void sum_rows(View<const float, 2> image, Out* table, double* columns, InstructionSet set) {
  std::fill_n(columns, image.size[1], 0.0);
  RAZ_FOR_INSTRUCTION_SET(set, integral_image_rows<contiguous, Out>)
  (image, columns, table + image.size[1] + 1);
}

template <class Out>
void sum_image(View<const float, 2> image, Out* table, double* columns, InstructionSet set) {
  (image.stride[1] == 1 ? &sum_rows<true, Out> : &sum_rows<false, Out>)(image, table, columns, set);
}

// A running sum from the left, added to the entry above. Integers wrap: they are summed as unsigned
// ones, whose overflow is defined.
template <class In, class Out>
void sum_image(View<const In, 2> image, Out* table) {
  using Sum = std::conditional_t<std::is_integral_v<Out>, uint64_t, Out>;
  const int64_t width = image.size[1];
  for (int64_t y = 0; y < image.size[0]; ++y) {
    const Out* above = table + y * (width + 1);
    Out* row = table + (y + 1) * (width + 1);
    Sum sum{0};
    row[0] = Out{0};
    for (int64_t x = 0; x < width; ++x) {
      sum += static_cast<Sum>(image(y, x));
      row[x + 1] = static_cast<Out>(static_cast<Sum>(above[x + 1]) + sum);
    }
  }
}

}  // namespace

// Images of a batch are independent, so they are the unit of work.
template <class In, class Out>
void integral_image(View<const In, 3> image, View<Out, 3> table, View<double, 2> workspace,
                    const Parallel& parallel, InstructionSet set) {
  const int64_t width = image.size[2];
  if (image.numel() == 0) {  // there is no address to count from
    std::fill_n(table.data, table.numel(), Out{0});
    return;
  }
  parallel(image.size[0], 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      Out* first = &table(b, 0, 0);
      std::fill_n(first, width + 1, Out{0});
      const View<const In, 2> one{image.data + b * image.stride[0],
                                  {image.size[1], width},
                                  {image.stride[1], image.stride[2]}};
      if constexpr (std::is_same_v<In, float>) {
        sum_image(one, first, workspace.data + b * workspace.stride[0], set);
      } else {
        sum_image(one, first);
      }
    }
  });
}

#define RAZ_INSTANTIATE(In, Out)                                                                  \
  template void integral_image(View<const In, 3>, View<Out, 3>, View<double, 2>, const Parallel&, \
                               InstructionSet);
RAZ_INTEGRAL_IMAGE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
