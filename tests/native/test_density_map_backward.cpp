#include <cmath>

#include "raz/density_map_backward.h"
#include "testing.h"

namespace raz::testing {
namespace {

constexpr int64_t heads = 7;

double loss(const std::vector<double>& points, const std::vector<int64_t>& batch,
            const std::vector<double>& sigmas, DensityGrid grid, const std::vector<double>& grad,
            int64_t rows, int64_t columns) {
  std::vector<double> map(grad.size());
  cpu::density_map(contiguous_view(points.data(), heads, 2), contiguous_view(batch.data(), heads),
                   contiguous_view(sigmas.data(), heads), grid, nullptr,
                   contiguous_view(map.data(), 2, rows, columns), serial,
                   cpu::best_instruction_set());
  double sum = 0;
  for (size_t i = 0; i < map.size(); ++i) sum += map[i] * grad[i];
  return sum;
}

void equals_differences() {
  uint32_t seed = 0;
  for (const DensityGrid& grid :
       {DensityGrid{20, 30, 8}, DensityGrid{7, 5, 1}, DensityGrid{1, 600, 2}}) {
    const int64_t rows = (grid.height + grid.stride - 1) / grid.stride;
    const int64_t columns = (grid.width + grid.stride - 1) / grid.stride;
    const auto points = random_values<double>(heads * 2, -1, 8, ++seed);
    const auto sigmas = random_values<double>(heads, 1, 90, ++seed);
    const auto grad = random_values<double>(2 * rows * columns, -3, 3, ++seed);
    const std::vector<int64_t> batch{0, 1, 1, 0, 5, 1, 0};
    std::vector<double> result(heads * 2, -1);
    std::vector<double> in_pieces(heads * 2, -1);
    const auto run = [&](std::vector<double>& into, const Parallel& parallel) {
      cpu::density_map_backward(
          contiguous_view(grad.data(), 2, rows, columns), contiguous_view(points.data(), heads, 2),
          contiguous_view(batch.data(), heads), contiguous_view(sigmas.data(), heads), grid,
          contiguous_view(into.data(), heads, 2), parallel);
    };
    run(result, serial);
    run(in_pieces, piecewise);
    require_same_bits(in_pieces, result, "points_grad");
    for (size_t i = 0; i < points.size(); ++i) {
      constexpr double step = 1e-6;
      auto left = points;
      auto right = points;
      left[i] -= step;
      right[i] += step;
      const auto edge = static_cast<double>(i % 2 == 0 ? grid.width : grid.height);
      if (left[i] < 0 || right[i] > edge) continue;  // a head leaves the image
      const double difference = (loss(right, batch, sigmas, grid, grad, rows, columns) -
                                 loss(left, batch, sigmas, grid, grad, rows, columns)) /
                                (2 * step);
      require(std::abs(difference - result[i]) <= 1e-5,
              "points_grad: " + std::to_string(result[i]) + ", by differences " +
                  std::to_string(difference));
    }
  }
}

// Up to the rounding of sums in double.
void cuda_equals_cpu() {
  constexpr int64_t many = 45;
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    for (const int64_t stride : {1, 3}) {
      const DensityGrid grid{height, width, stride};
      const int64_t rows = (height + stride - 1) / stride;
      const int64_t columns = (width + stride - 1) / stride;
      auto points = random_values<double>(many * 2, -1, 30, ++seed);
      points[6] = NAN;
      points[9] = INFINITY;
      const auto batch = random_values<int64_t>(many, -1, static_cast<double>(images), ++seed);
      const auto sigmas = random_values<double>(many, 1, 90, ++seed);
      const auto grad = random_values<double>(images * rows * columns, -3, 3, ++seed);
      const auto heads = contiguous_view(static_cast<const double*>(points.data()), many, 2);
      const auto of_map = contiguous_view(grad.data(), images, rows, columns);
      const auto spread = contiguous_view(sigmas.data(), many);
      std::vector<double> by_cpu(many * 2, -1);
      std::vector<double> by_cuda(many * 2, -1);
      cpu::density_map_backward(of_map, heads, contiguous_view(batch.data(), many), spread, grid,
                                contiguous_view(by_cpu.data(), many, 2), serial);
      require(
          cuda::density_map_backward(of_map, heads, contiguous_view(batch.data(), many), spread,
                                     grid, contiguous_view(by_cuda.data(), many, 2), nullptr) == 0,
          "launch failed");
      for (size_t i = 0; i < by_cpu.size(); ++i) {
        require(std::abs(by_cuda[i] - by_cpu[i]) <= 1e-12,
                "points_grad: " + std::to_string(by_cuda[i]) + ", by the CPU " +
                    std::to_string(by_cpu[i]));
      }
    }
  }
}

const Register equality("density_map_backward of CUDA equals the CPU", cuda_equals_cpu);
const Register differences("density_map_backward equals differences", equals_differences);

}  // namespace
}  // namespace raz::testing
