// Scores as keys that sort: one definition of the order for every device.
#pragma once

#include <cstdint>

#include "raz/view.h"

namespace raz {

// Ascends as the score descends; not for NaN. The bits of a float ascend with it once the sign is
// turned over; of two zeros there is one.
RAZ_HOST_DEVICE inline uint32_t descending_key(float score) {
  const auto bits = __builtin_bit_cast(uint32_t, score + 0.0f);
  return (bits & 0x80000000u) != 0 ? bits : ~(bits | 0x80000000u);
}

}  // namespace raz
