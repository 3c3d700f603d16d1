// The longest side of images, crops and maps whose pixels or cells a CUDA kernel counts in 32 bits.
// It is a whole number of every such kernel's tiles, so that the end of the last one fits, too.
#pragma once

#include <cstdint>

namespace raz {

inline constexpr int64_t longest_side = (int64_t{1} << 31) - 256;

}  // namespace raz
