// Where heads of a density map lie: shared by the map and its gradient.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "raz/view.h"

namespace raz::cpu {

constexpr double window = 4;  // standard deviations
constexpr int block = 8;      // columns of the map

inline int64_t image_of(View<const int64_t, 1> batch, int64_t head) {
  return batch.data == nullptr ? 0 : batch(head);
}

// Where one axis of a head's Gaussian meets the cells of the map.
struct Axis {
  double centre;
  double sigma;
  double length;  // of the image, pixels
  double stride;
  int64_t first;
  int64_t last;  // one past the end

  Axis(double centre, double sigma, int64_t length, int64_t stride, int64_t cells)
      : centre(centre),
        sigma(sigma),
        length(static_cast<double>(length)),
        stride(static_cast<double>(stride)) {
    // A centre on an edge belongs to the cells of both sides, however small sigma is.
    first = cell(std::ceil((centre - window * sigma) / this->stride) - 1, cells);
    last = cell(std::floor((centre + window * sigma) / this->stride) + 1, cells);
  }

  // To whole blocks, as far as there are cells: the shares of cells past the window are 0.
  void widen(int64_t cells) {
    first -= first % block;
    last = std::min((last + block - 1) / block * block, cells);
  }

  static int64_t cell(double index, int64_t cells) {
    return static_cast<int64_t>(std::clamp(index, 0.0, double(cells)));
  }
};

}  // namespace raz::cpu
