#include <algorithm>
#include <cmath>

#include "raz/density_map.h"
#include "raz/error_function.h"
#include "testing.h"

namespace raz::testing {
namespace {

template <class Out>
std::vector<Out> map_of(View<const double, 2> points, View<const int64_t, 1> batch,
                        DensityGrid grid, int64_t images, const Parallel& parallel,
                        cpu::InstructionSet set = cpu::InstructionSet::baseline) {
  const int64_t heads = points.size[0];
  const int64_t rows = (grid.height + grid.stride - 1) / grid.stride;
  const int64_t columns = (grid.width + grid.stride - 1) / grid.stride;
  std::vector<CongestionNode> nodes(static_cast<size_t>(heads));
  std::vector<double> sigmas(static_cast<size_t>(heads));
  std::vector<Out> map(static_cast<size_t>(images * rows * columns), -1);
  std::vector<double> sums(map.size(), -1);
  cpu::adaptive_sigmas(points, batch, grid, nodes.data(), contiguous_view(sigmas.data(), heads),
                       parallel);
  cpu::density_map(points, batch, contiguous_view(static_cast<const double*>(sigmas.data()), heads),
                   grid, sums.data(), contiguous_view(map.data(), images, rows, columns), parallel,
                   set);
  return map;
}

template <class Out>
std::vector<Out> cuda_map_of(View<const double, 2> points, View<const int64_t, 1> batch,
                             DensityGrid grid, int64_t images) {
  const int64_t heads = points.size[0];
  const int64_t rows = (grid.height + grid.stride - 1) / grid.stride;
  const int64_t columns = (grid.width + grid.stride - 1) / grid.stride;
  std::vector<int64_t> ranges(static_cast<size_t>(2 * (heads / 256 + 1)), -1);
  std::vector<double> sigmas(static_cast<size_t>(heads), -1);
  std::vector<Out> map(static_cast<size_t>(images * rows * columns), -1);
  std::vector<double> workspace(static_cast<size_t>(cuda::density_map_workspace(heads) / 8), NAN);
  require(cuda::adaptive_sigmas(points, batch, grid, ranges.data(),
                                contiguous_view(sigmas.data(), heads), nullptr) == 0,
          "launch failed");
  require(cuda::density_map(points, batch,
                            contiguous_view(static_cast<const double*>(sigmas.data()), heads), grid,
                            workspace.data(), contiguous_view(map.data(), images, rows, columns),
                            nullptr) == 0,
          "launch failed");
  return map;
}

// More heads in a tile than are held at once, in more than one chunk, images mixed.
void cuda_equals_cpu_in_a_crowd() {
  constexpr int64_t heads = 600;
  const auto coordinates = random_values<double>(heads * 2, 0, 60, 77);
  const auto points = contiguous_view(coordinates.data(), heads, int64_t{2});
  const auto image = random_values<int64_t>(heads, 0, 2, 78);
  const auto batch = contiguous_view(image.data(), heads);
  const DensityGrid grid{61, 59, 3};
  require_same_bits(cuda_map_of<double>(points, batch, grid, 2),
                    map_of<double>(points, batch, grid, 2, serial), "map");
}

// Heads lie inside, on the edges and outside; some belong to no image, some are not finite.
void rows_and_heads_may_be_cut_anywhere() {
  constexpr int64_t heads = 60;
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const double reach = static_cast<double>(height > width ? height : width) + 4;
    auto coordinates = random_values<double>(heads * 2, -4, reach, ++seed);
    coordinates[7] = NAN;
    coordinates[12] = INFINITY;
    coordinates[20] = 1e308;
    const auto points =
        contiguous_view(static_cast<const double*>(coordinates.data()), heads, int64_t{2});
    const auto image = random_values<int64_t>(heads, -1, static_cast<double>(images), ++seed);
    for (const int64_t stride : {1, 4}) {
      for (const bool batched : {false, true}) {
        View<const int64_t, 1> batch;
        if (batched) batch = contiguous_view(image.data(), heads);
        const DensityGrid grid{height, width, stride};
        const std::vector<double> map = map_of<double>(points, batch, grid, images, serial);
        const std::vector<float> rounded(map.begin(), map.end());
        require_same_bits(map_of<double>(points, batch, grid, images, piecewise), map, "map");
        require_same_bits(map_of<float>(points, batch, grid, images, piecewise), rounded,
                          "map of floats");
        const cpu::InstructionSet best = cpu::best_instruction_set();
        require_same_bits(map_of<double>(points, batch, grid, images, serial, best), map,
                          "map of another instruction set");
        require_same_bits(cuda_map_of<double>(points, batch, grid, images), map, "map of CUDA");
        require_same_bits(cuda_map_of<float>(points, batch, grid, images), rounded,
                          "map of CUDA, of floats");
      }
    }
  }
}

// Every share is a difference of two values, so their errors count, the relative one near 0.
void the_error_function_is_within_its_bounds() {
  constexpr double end = 2.8284271247461903;
  for (int i = -200000; i <= 200000; ++i) {
    const double x = end * i / 200000;
    const double error = std::abs(erf_in_window(x) - std::erf(x));
    require(error <= 1e-15 * std::abs(std::erf(x)), "erf(" + std::to_string(x) + ") is off");
  }
  for (double x = end; x > 1e-300; x *= 0.9) {
    const double error = std::abs(erf_in_window(x) - std::erf(x));
    require(error <= 1e-15 * std::erf(x), "erf(" + std::to_string(x) + ") is off");
  }
}

// Straight from the definition, with std::erf.
void shares_are_those_of_the_standard_erf() {
  for (const double sigma : {0.3, 1.0, 7.5, 49.0, 1e6}) {
    const double xy[] = {20.25, 3.5};
    const DensityGrid grid{40, 700, 1};
    std::vector<double> map(static_cast<size_t>(40 * 700));
    std::vector<double> sums(map.size());
    cpu::density_map(View<const double, 2>{xy, {1, 2}, {2, 1}}, {},
                     View<const double, 1>{&sigma, {1}, {1}}, grid, sums.data(),
                     contiguous_view(map.data(), 1, 40, 700), serial, cpu::best_instruction_set());
    const auto share = [&](double centre, int64_t cell, double length) {
      const auto integral = [&](double edge) {
        return std::erf(std::clamp((edge - centre) / sigma, -4.0, 4.0) / std::sqrt(2.0));
      };
      const auto left = static_cast<double>(cell);
      return (integral(left + 1) - integral(left)) / (integral(length) - integral(0));
    };
    double sum = 0;
    for (int64_t y = 0; y < 40; ++y) {
      for (int64_t x = 0; x < 700; ++x) {
        const double expected = share(xy[1], y, 40) * share(xy[0], x, 700);
        const double value = map[static_cast<size_t>(y * 700 + x)];
        require(std::abs(value - expected) <= 4e-15 + 1e-13 * expected, "a share is off");
        sum += value;
      }
    }
    require(std::abs(sum - 1) <= 1e-13, "shares sum to " + std::to_string(sum));
  }
}

const Register error_function("density_map: the error function is within its bounds",
                              the_error_function_is_within_its_bounds);
const Register definition("density_map: shares are those of the standard erf",
                          shares_are_those_of_the_standard_erf);
const Register crowd("density_map of CUDA equals the CPU in a crowd", cuda_equals_cpu_in_a_crowd);
const Register cuts("density_map: rows and heads may be cut anywhere",
                    rows_and_heads_may_be_cut_anywhere);

}  // namespace
}  // namespace raz::testing
