#include "raz/density_map.h"

#include <algorithm>
#include <cmath>

namespace raz::cpu {
namespace {

constexpr double window = 4;  // standard deviations
constexpr double least_sigma = 1;
constexpr double greatest_sigma = 50;
constexpr int64_t neighbours = 3;

int64_t image_of(View<const int64_t, 1> batch, int64_t head) {
  return batch.data == nullptr ? 0 : batch(head);
}

double clamped_sigma(double sigma) { return std::clamp(sigma, least_sigma, greatest_sigma); }

// Where one axis of a head's Gaussian meets the cells of the map.
struct Axis {
  double centre;
  double sigma;
  double length;  // of the image, pixels
  double stride;
  int64_t first;
  int64_t last;  // one past the end
  double mass;   // within the image and the window

  Axis(double centre, double sigma, int64_t length, int64_t stride, int64_t cells)
      : centre(centre),
        sigma(sigma),
        length(static_cast<double>(length)),
        stride(static_cast<double>(stride)) {
    // A centre on an edge belongs to the cells of both sides, however small sigma is.
    first = cell(std::ceil((centre - window * sigma) / this->stride) - 1, cells);
    last = cell(std::floor((centre + window * sigma) / this->stride) + 1, cells);
    mass = erf_at(this->length) - erf_at(0);
  }

  static int64_t cell(double index, int64_t cells) {
    return static_cast<int64_t>(std::clamp(index, 0.0, double(cells)));
  }

  // Twice the Gaussian's integral from the centre to an edge, which the window cuts.
  double erf_at(double edge) const {
    return std::erf(std::clamp((edge - centre) / sigma, -window, window) * M_SQRT1_2);
  }

  double edge(int64_t cell) const { return std::min(double(cell) * stride, length); }

  // The shares of cells [begin, end).
  void shares(int64_t begin, int64_t end, double* result) const {
    double left = erf_at(edge(begin));
    for (int64_t j = begin; j < end; ++j) {
      const double right = erf_at(edge(j + 1));
      result[j - begin] = (right - left) / mass;
      left = right;
    }
  }
};

constexpr int64_t tile = 64;  // cells of an axis whose shares are held at once

// Adds the part of one head that lies in rows [begin, end) of its image.
void add_head(const Axis& x, const Axis& y, int64_t begin, int64_t end, double* image,
              int64_t row_stride, int64_t column_stride) {
  double columns[tile];
  double rows[tile];
  for (int64_t left = x.first; left < x.last; left += tile) {
    const int64_t right = std::min(left + tile, x.last);
    x.shares(left, right, columns);
    for (int64_t top = begin; top < end; top += tile) {
      const int64_t bottom = std::min(top + tile, end);
      y.shares(top, bottom, rows);
      for (int64_t i = top; i < bottom; ++i) {
        double* row = image + i * row_stride + left * column_stride;
        const double share = rows[i - top];
        for (int64_t j = 0; j < right - left; ++j) row[j * column_stride] += share * columns[j];
      }
    }
  }
}

}  // namespace

void adaptive_sigmas(View<const double, 2> points, View<const int64_t, 1> batch, DensityGrid grid,
                     CongestionNode* nodes, View<double, 1> sigmas, const Parallel& parallel) {
  const double lonely = clamped_sigma((double(grid.height) + double(grid.width)) / 8);
  congestion(points, batch, neighbours, nodes, sigmas, parallel);
  for (int64_t n = 0; n < points.size[0]; ++n) {
    sigmas(n) = std::isinf(sigmas(n)) ? lonely : clamped_sigma(0.1 * neighbours * sigmas(n));
  }
}

// The unit of work is a row of cells of the whole batch; each adds the heads that reach it.
void density_map(View<const double, 2> points, View<const int64_t, 1> batch,
                 View<const double, 1> sigmas, DensityGrid grid, View<double, 3> map,
                 const Parallel& parallel) {
  const int64_t rows = map.size[1];
  const int64_t columns = map.size[2];
  if (columns == 0) return;
  parallel(map.size[0] * rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t j = 0; j < columns; ++j) map(row / rows, row % rows, j) = 0;
    }
    for (int64_t n = 0; n < points.size[0]; ++n) {
      const int64_t b = image_of(batch, n);
      const double x = points(n, 0);
      const double y = points(n, 1);
      const bool inside = 0 <= b && b < map.size[0] && 0 <= x && x <= double(grid.width) &&
                          0 <= y && y <= double(grid.height);
      if (!inside || (b + 1) * rows <= begin || end <= b * rows) continue;
      const Axis down(y, sigmas(n), grid.height, grid.stride, rows);
      const int64_t top = std::max(down.first, begin - b * rows);
      const int64_t bottom = std::min(down.last, end - b * rows);
      if (top >= bottom) continue;
      const Axis across(x, sigmas(n), grid.width, grid.stride, columns);
      add_head(across, down, top, bottom, &map(b, 0, 0), map.stride[1], map.stride[2]);
    }
  });
}

}  // namespace raz::cpu
