#include "raz/density_map.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "cpu/density_axis.h"
#include "cpu/error_function.h"

namespace raz::cpu {
namespace {

constexpr double least_sigma = 1;
constexpr double greatest_sigma = 50;
constexpr int64_t neighbours = 3;

double clamped_sigma(double sigma) { return std::clamp(sigma, least_sigma, greatest_sigma); }

}  // namespace
}  // namespace raz::cpu

// The kernel file uses the types above, so it cannot precede them.
#define RAZ_KERNEL_FILE "cpu/density_map_rows.inc"
#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {

void adaptive_sigmas(View<const double, 2> points, View<const int64_t, 1> batch, DensityGrid grid,
                     CongestionNode* nodes, View<double, 1> sigmas, const Parallel& parallel) {
  const double lonely = clamped_sigma((double(grid.height) + double(grid.width)) / 8);
  congestion(points, batch, neighbours, nodes, sigmas, parallel);
  for (int64_t n = 0; n < points.size[0]; ++n) {
    sigmas(n) = std::isinf(sigmas(n)) ? lonely : clamped_sigma(0.1 * neighbours * sigmas(n));
  }
}

namespace {

// As many rows as a cache of 1 MB holds.
int64_t rows_of_band(int64_t columns) {
  return std::max<int64_t>(1, (int64_t{1} << 20) / (columns * int64_t{sizeof(double)}));
}

// Rows [begin, end), counted through all images.
void fill_band(View<const double, 2> points, View<const int64_t, 1> batch,
               View<const double, 1> sigmas, DensityGrid grid, View<double, 3> map, int64_t begin,
               int64_t end, InstructionSet set) {
  const auto add_head = RAZ_FOR_INSTRUCTION_SET(set, add_head);
  const int64_t rows = map.size[1];
  const int64_t columns = map.size[2];
  for (int64_t row = begin; row < end; ++row) {
    double* cells = &map(row / rows, row % rows, 0);
    for (int64_t j = 0; j < columns; ++j) cells[j * map.stride[2]] = 0;
  }
  const auto height = static_cast<double>(grid.height);
  const auto width = static_cast<double>(grid.width);
  for (int64_t n = 0; n < points.size[0]; ++n) {
    const int64_t b = image_of(batch, n);
    if (b < 0 || b >= map.size[0] || (b + 1) * rows <= begin || end <= b * rows) continue;
    const double x = points(n, 0);
    const double y = points(n, 1);
    if (!(0 <= x && x <= width && 0 <= y && y <= height)) continue;
    // Roughly, with a row to spare on both sides; what is left over has no row of the window.
    const double reach = window * sigmas(n) + 2 * static_cast<double>(grid.stride);
    const double top_edge = static_cast<double>((begin - b * rows) * grid.stride);
    const double bottom_edge = static_cast<double>((end - b * rows) * grid.stride);
    if (y + reach < top_edge || y - reach > bottom_edge) continue;
    const Axis down(y, sigmas(n), grid.height, grid.stride, rows);
    const int64_t top = std::max(down.first, begin - b * rows);
    const int64_t bottom = std::min(down.last, end - b * rows);
    if (top >= bottom) continue;
    Axis across(x, sigmas(n), grid.width, grid.stride, columns);
    across.widen(columns);
    add_head(across, down, top, bottom, &map(b, 0, 0), map.stride[1], map.stride[2]);
  }
}

}  // namespace

// The unit of work is a row of cells of the whole batch. Rows are filled in bands that stay in the
// cache, each by the heads that reach it.
void density_map(View<const double, 2> points, View<const int64_t, 1> batch,
                 View<const double, 1> sigmas, DensityGrid grid, View<double, 3> map,
                 const Parallel& parallel, InstructionSet set) {
  if (map.size[2] == 0) return;
  const int64_t band = rows_of_band(map.size[2]);
  parallel(map.size[0] * map.size[1], 16, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; row += band) {
      fill_band(points, batch, sigmas, grid, map, row, std::min(row + band, end), set);
    }
  });
}

}  // namespace raz::cpu
