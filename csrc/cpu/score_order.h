// Indexes in the order of scores: descending, ties to the lower index, NaN left out.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "raz/score_key.h"
#include "raz/view.h"

namespace raz::cpu {

struct Ranked {
  uint32_t key;  // ascends as the score descends
  uint32_t index;
};

// Sorts digit by digit, the lowest first. at most 2^32 scores; `ranked` and `spare` have room for
// all. Returns how many are no NaN; they are in `ranked`.
inline int64_t rank_by_score(View<const float, 1> scores, Ranked* ranked, Ranked* spare) {
  constexpr int digits = 4;
  constexpr int values = 256;
  uint32_t counts[digits][values] = {};
  int64_t count = 0;
  for (int64_t i = 0; i < scores.size[0]; ++i) {
    const float score = scores(i);
    const uint32_t key = descending_key(score);
    ranked[count] = {key, static_cast<uint32_t>(i)};
    const bool number = !std::isnan(score);
    for (int d = 0; d < digits; ++d) counts[d][(key >> (8 * d)) & 0xFF] += number;
    count += number;
  }
  Ranked* from = ranked;
  Ranked* to = spare;
  for (int d = 0; d < digits; ++d) {
    const int shift = 8 * d;
    // All keys share the digit. (counts are modulo 2^32, which only 2^32 equal keys can reach.)
    if (count > 0 && counts[d][(from[0].key >> shift) & 0xFF] == static_cast<uint32_t>(count)) {
      continue;
    }
    uint32_t begin[values];
    uint32_t sum = 0;
    for (int v = 0; v < values; ++v) {
      begin[v] = sum;
      sum += counts[d][v];
    }
    for (int64_t i = 0; i < count; ++i) to[begin[(from[i].key >> shift) & 0xFF]++] = from[i];
    std::swap(from, to);
  }
  if (from != ranked) std::copy_n(from, count, ranked);
  return count;
}

}  // namespace raz::cpu
