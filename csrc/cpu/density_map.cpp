#include "raz/density_map.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "raz/density_axis.h"

namespace raz::cpu {
namespace {

using Axis = DensityAxis;

constexpr int block = 8;  // columns of the map

// To whole blocks, as far as there are cells: the shares of cells past the window are 0.
void widen(Axis& axis, int64_t cells) {
  axis.first -= axis.first % block;
  axis.last = std::min((axis.last + block - 1) / block * block, cells);
}

}  // namespace
}  // namespace raz::cpu

// The kernel file uses the types above, so it cannot precede them.
#define RAZ_KERNEL_FILE "cpu/density_map_rows.inc"
#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {

void adaptive_sigmas(View<const double, 2> points, View<const int64_t, 1> batch, DensityGrid grid,
                     CongestionNode* nodes, View<double, 1> sigmas, const Parallel& parallel) {
  congestion(points, batch, sigma_neighbours, nodes, sigmas, parallel);
  for (int64_t n = 0; n < points.size[0]; ++n) sigmas(n) = adaptive_sigma(sigmas(n), grid);
}

namespace {

// As many rows as a cache of 1 MB holds.
int64_t rows_of_band(int64_t columns) {
  return std::max<int64_t>(1, (int64_t{1} << 20) / (columns * int64_t{sizeof(double)}));
}

// Sums of rows [begin, end), counted through all images of `rows` rows each.
void sum_band(View<const double, 2> points, View<const int64_t, 1> batch,
              View<const double, 1> sigmas, DensityGrid grid, int64_t rows, int64_t columns,
              int64_t begin, int64_t end, double* sums, InstructionSet set) {
  const auto add_head = RAZ_FOR_INSTRUCTION_SET(set, add_head);
  std::fill_n(sums, (end - begin) * columns, 0.0);
  const int64_t first_image = begin / rows;
  const int64_t last_image = (end - 1) / rows;
  const auto height = static_cast<double>(grid.height);
  const auto width = static_cast<double>(grid.width);
  const auto stride = static_cast<double>(grid.stride);
  for (int64_t n = 0; n < points.size[0]; ++n) {
    const int64_t b = image_of(batch, n);
    if (b < first_image || b > last_image) continue;
    const double x = points(n, 0);
    const double y = points(n, 1);
    if (!(0 <= x && x <= width && 0 <= y && y <= height)) continue;
    // Roughly, with a row to spare on both sides; what is left over has no row of the window.
    // (In double: any stride is allowed, and rows of other images times a huge one overflow.)
    const double reach = density_window * sigmas(n) + 2 * stride;
    const double top_edge = static_cast<double>(begin - b * rows) * stride;
    const double bottom_edge = static_cast<double>(end - b * rows) * stride;
    if (y + reach < top_edge || y - reach > bottom_edge) continue;
    const Axis down(y, sigmas(n), grid.height, grid.stride, rows);
    const int64_t top = std::max(down.first, begin - b * rows);
    const int64_t bottom = std::min(down.last, end - b * rows);
    if (top >= bottom) continue;
    Axis across(x, sigmas(n), grid.width, grid.stride, columns);
    widen(across, columns);
    add_head(across, down, top, bottom, sums + (b * rows + top - begin) * columns, columns);
  }
}

}  // namespace

// The unit of work is a row of cells of the whole batch. Rows are summed in bands that stay in the
// cache, each by the heads that reach it.
template <class Out>
void density_map(View<const double, 2> points, View<const int64_t, 1> batch,
                 View<const double, 1> sigmas, DensityGrid grid, double* sums, View<Out, 3> map,
                 const Parallel& parallel, InstructionSet set) {
  const int64_t rows = map.size[1];
  const int64_t columns = map.size[2];
  if (map.numel() == 0) return;
  const int64_t band = rows_of_band(columns);
  parallel(map.size[0] * rows, 16, [&](int64_t begin, int64_t end) {
    for (int64_t first = begin; first < end; first += band) {
      const int64_t last = std::min(first + band, end);
      Out* cells = map.data + first * columns;
      if constexpr (std::is_same_v<Out, double>) {
        sum_band(points, batch, sigmas, grid, rows, columns, first, last, cells, set);
      } else {
        double* own = sums + begin * columns;
        sum_band(points, batch, sigmas, grid, rows, columns, first, last, own, set);
        std::transform(own, own + (last - first) * columns, cells,
                       [](double sum) { return static_cast<Out>(sum); });
      }
    }
  });
}

#define RAZ_INSTANTIATE(Out)                                                                      \
  template void density_map(View<const double, 2>, View<const int64_t, 1>, View<const double, 1>, \
                            DensityGrid, double*, View<Out, 3>, const Parallel&, InstructionSet);
RAZ_DENSITY_MAP_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
