#include "cuda/launch.h"
#include "raz/density_axis.h"
#include "raz/density_map_backward.h"

namespace raz::cuda {
namespace {

constexpr int threads = 256;
constexpr int heads_of_block = threads / warp_threads;

RAZ_DEVICE DensityDual share_of_cell(const DensityAxis& axis, const DensityDual& mass,
                                     int64_t cell) {
  if (cell >= axis.last) return {0, 0};
  return density_share(density_integral(axis, axis.deviations_to(cell)),
                       density_integral(axis, axis.deviations_to(cell + 1)), mass);
}

// A warp a head, a lane a column of cells.
struct HeadGradient {
  RAZ_DEVICE void operator()(const Block& block, View<const double, 3> grad,
                             View<const double, 2> points, View<const int64_t, 1> batch,
                             View<const double, 1> sigmas, DensityGrid grid,
                             View<double, 2> points_grad) const {
    const int64_t n = block.index() * heads_of_block + block.warp();
    if (n >= points.size[0]) return;  // the whole warp
    const int64_t b = image_of(batch, n);
    const double x = points(n, 0);
    const double y = points(n, 1);
    double by_x = 0;
    double by_y = 0;
    // False for a NaN.
    const bool inside = 0 <= x && x <= static_cast<double>(grid.width) && 0 <= y &&
                        y <= static_cast<double>(grid.height);
    if (0 <= b && b < grad.size[0] && inside) {
      add_cells(block, grad, b, DensityAxis(x, sigmas(n), grid.width, grid.stride, grad.size[2]),
                DensityAxis(y, sigmas(n), grid.height, grid.stride, grad.size[1]), by_x, by_y);
    }
    for (int lanes = warp_threads / 2; lanes > 0; lanes /= 2) {
      by_x += block.shuffle_xor(by_x, lanes);
      by_y += block.shuffle_xor(by_y, lanes);
    }
    if (block.lane() != 0) return;
    points_grad(n, 0) = by_x;
    points_grad(n, 1) = by_y;
  }

 private:
  static RAZ_DEVICE void add_cells(const Block& block, View<const double, 3> grad, int64_t b,
                                   const DensityAxis& across, const DensityAxis& down, double& by_x,
                                   double& by_y) {
    const DensityDual width = density_mass_dual(across);
    const DensityDual height = density_mass_dual(down);
    for (int64_t left = across.first; left < across.last; left += warp_threads) {
      const int64_t j = left + block.lane();
      const DensityDual column = share_of_cell(across, width, j);
      double value = 0;  // of the column's cells, times the shares of their rows
      double slope = 0;
      for (int64_t top = down.first; top < down.last; top += warp_threads) {
        const DensityDual own = share_of_cell(down, height, top + block.lane());
        const int64_t rest = down.last - top;
        const int rows = rest < warp_threads ? static_cast<int>(rest) : warp_threads;
        for (int i = 0; i < rows; ++i) {
          const double row_value = block.shuffle(own.value, i);
          const double row_slope = block.shuffle(own.slope, i);
          const double cell = j < across.last ? grad(b, top + i, j) : 0;
          value += row_value * cell;
          slope += row_slope * cell;
        }
      }
      by_x += column.slope * value;
      by_y += column.value * slope;
    }
  }
};

}  // namespace

// Every cell of a head's window is read once, from the cache where heads overlap. Bound by the
// arithmetic of exp and erf where windows are small.
int density_map_backward(View<const double, 3> grad, View<const double, 2> points,
                         View<const int64_t, 1> batch, View<const double, 1> sigmas,
                         DensityGrid grid, View<double, 2> points_grad, void* stream) {
  const int64_t blocks = (points.size[0] + heads_of_block - 1) / heads_of_block;
  return launch_blocks<threads>(HeadGradient{}, blocks, 0, stream, grad, points, batch, sigmas,
                                grid, points_grad);
}

}  // namespace raz::cuda
