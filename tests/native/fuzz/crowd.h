// Matching problems from bytes.
#pragma once

#include "fuzz/fuzz.h"
#include "matching.h"

namespace raz::fuzz {

inline double radius_of(Bytes& bytes) {
  const double value = std::abs(bytes.number<double>());
  return value >= 0 ? value : std::numeric_limits<double>::infinity();
}

// With the plain searches of testing::Scene. Points are finite, radii at least 0 or infinite.
inline testing::Scene scene_of(Bytes& bytes) {
  testing::Scene scene(0, 0, 0);
  const auto points = [&](int64_t count) {
    return entries(Input<double, 2>(bytes, finite<double>, count, 2).view());
  };
  const int64_t preds = bytes.between(0, 60);
  const int64_t heads = bytes.between(0, 60);
  scene.pred = points(preds);
  scene.truth = points(heads);
  scene.radius = entries(Input<double, 1>(bytes, radius_of, heads).view());
  return scene;
}

}  // namespace raz::fuzz
