#include <cmath>

#include "raz/point_map.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Heads lie inside, on the edges and outside; some belong to no image, some are NaN.
template <class Point>
void cuda_equals_cpu() {
  constexpr int64_t heads = 40;
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const double reach = static_cast<double>(height > width ? height : width) + 2;
    auto coordinates = random_values<Point>(heads * 2, -2, reach, ++seed);
    coordinates[7] = static_cast<Point>(NAN);
    const auto points =
        contiguous_view(static_cast<const Point*>(coordinates.data()), heads, int64_t{2});
    const auto image = random_values<int64_t>(heads, -1, static_cast<double>(images), ++seed);
    for (const bool batched : {false, true}) {
      View<const int64_t, 1> batch;
      if (batched) batch = contiguous_view(image.data(), heads);
      std::vector<float> by_cpu(static_cast<size_t>(images * height * width), -1);
      std::vector<float> by_cuda(by_cpu);
      cpu::point_map(points, batch, contiguous_view(by_cpu.data(), images, height, width), serial);
      const int error = cuda::point_map(
          points, batch, contiguous_view(by_cuda.data(), images, height, width), nullptr);
      require(error == 0, "launch failed");
      require_same_bits(by_cuda, by_cpu, "map");
    }
  }
}

const Register float_points("point_map float", cuda_equals_cpu<float>);
const Register double_points("point_map double", cuda_equals_cpu<double>);

}  // namespace
}  // namespace raz::testing
