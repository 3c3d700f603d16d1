// Where heads of a density map lie, and their shares of its cells, with derivatives. One definition
// for every device.
#pragma once

#include <cmath>
#include <cstdint>

#include "raz/error_function.h"
#include "raz/view.h"

namespace raz {

inline constexpr double density_window = 4;  // standard deviations
inline constexpr double sqrt_half = 0.70710678118654752440;
inline constexpr double two_over_sqrt_pi = 1.12837916709551257390;

RAZ_HOST_DEVICE inline int64_t image_of(View<const int64_t, 1> batch, int64_t head) {
  return batch.data == nullptr ? 0 : batch(head);
}

// Where one axis of a head's Gaussian meets the cells of the map.
struct DensityAxis {
  double centre;
  double sigma;
  double length;  // of the image, pixels
  double stride;
  int64_t first;
  int64_t last;  // one past the end

  RAZ_HOST_DEVICE DensityAxis(double centre, double sigma, int64_t length, int64_t stride,
                              int64_t cells)
      : centre(centre),
        sigma(sigma),
        length(static_cast<double>(length)),
        stride(static_cast<double>(stride)) {
    // A centre on an edge belongs to the cells of both sides, however small sigma is.
    first = cell(std::ceil((centre - density_window * sigma) / this->stride) - 1, cells);
    last = cell(std::floor((centre + density_window * sigma) / this->stride) + 1, cells);
  }

  RAZ_HOST_DEVICE static int64_t cell(double index, int64_t cells) {
    const auto end = static_cast<double>(cells);
    const double from_zero = index < 0 ? 0 : index;
    return static_cast<int64_t>(end < from_zero ? end : from_zero);
  }

  // The edge between cells `cell - 1` and `cell`, in standard deviations from the centre, as the
  // image cuts it; the window does not.
  RAZ_HOST_DEVICE double deviations_to(int64_t cell) const {
    const double edge = static_cast<double>(cell) * stride;
    return ((edge < length ? edge : length) - centre) / sigma;
  }
};

// Twice the Gaussian's integral from the centre to an edge that lies z standard deviations away,
// which the window cuts.
RAZ_HOST_DEVICE inline double density_integral(double z) {
  z = z < density_window ? z : density_window;
  return erf_in_window((z > -density_window ? z : -density_window) * sqrt_half);
}

// What cuts leave of the Gaussian.
RAZ_HOST_DEVICE inline double density_mass(const DensityAxis& axis) {
  const double begin = density_integral((0 - axis.centre) / axis.sigma);
  return density_integral((axis.length - axis.centre) / axis.sigma) - begin;
}

// A value and its derivative with respect to the centre.
struct DensityDual {
  double value;
  double slope;
};

// The integral to an edge. One beyond the window does not move.
RAZ_HOST_DEVICE inline DensityDual density_integral(const DensityAxis& axis, double z) {
  if (!(-density_window <= z && z <= density_window)) return {density_integral(z), 0};
  constexpr double peak = two_over_sqrt_pi * sqrt_half;
  return {density_integral(z), -peak * std::exp(-0.5 * z * z) / axis.sigma};
}

// What cuts leave of the Gaussian.
RAZ_HOST_DEVICE inline DensityDual density_mass_dual(const DensityAxis& axis) {
  const DensityDual begin = density_integral(axis, (0 - axis.centre) / axis.sigma);
  const DensityDual end = density_integral(axis, (axis.length - axis.centre) / axis.sigma);
  return {end.value - begin.value, end.slope - begin.slope};
}

// The share of a cell, begin and end being the integrals to its edges.
RAZ_HOST_DEVICE inline DensityDual density_share(const DensityDual& begin, const DensityDual& end,
                                                 const DensityDual& mass) {
  const double share = (end.value - begin.value) / mass.value;
  return {share, (end.slope - begin.slope - share * mass.slope) / mass.value};
}

}  // namespace raz
