#include <cmath>

#include "raz/crop_and_resize.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Boxes reach over the image on every side; some are inverted, not finite or of no image.
template <class In, class Out>
void cuda_equals_cpu() {
  constexpr int64_t boxes = 20;
  constexpr int64_t channels = 3;
  constexpr int64_t size[][2] = {{4, 5}, {1, 1}, {0, 3}, {3, 150}, {1, 600}};
  const std::vector<Out> mean{Out(0.5), Out(0.25), Out(0)};
  const std::vector<Out> std{Out(2), Out(1), Out(0.75)};
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const auto values = random_values<In>(images * channels * height * width, 0, 31, ++seed);
    const auto image = contiguous_view(values.data(), images, channels, height, width);
    const double reach = static_cast<double>(height > width ? height : width) + 3;
    auto edges = random_values<double>(boxes * 4, -3, reach, ++seed);
    edges[5] = NAN;
    edges[10] = INFINITY;
    edges[12] = 1e308;
    edges[14] = -1e308;
    const auto batch = random_values<int64_t>(boxes, -1, static_cast<double>(images), ++seed);
    const Crops crops{contiguous_view(static_cast<const double*>(edges.data()), boxes, int64_t{4}),
                      contiguous_view(batch.data(), boxes)};
    for (const auto& [rows, columns] : size) {
      for (const bool normalized : {false, true}) {
        Normalization<Out> normalize;
        if (normalized) {
          normalize = {contiguous_view(mean.data(), channels),
                       contiguous_view(std.data(), channels)};
        }
        std::vector<Out> by_cuda(static_cast<size_t>(boxes * channels * rows * columns), Out{-1});
        const int error = cuda::crop_and_resize(
            image, crops, normalize,
            contiguous_view(by_cuda.data(), boxes, channels, rows, columns), nullptr);
        require(error == 0, "launch failed");
        for (int set = 0; set <= static_cast<int>(cpu::best_instruction_set()); ++set) {
          std::vector<Out> by_cpu(by_cuda.size(), Out{-1});
          cpu::crop_and_resize(image, crops, normalize,
                               contiguous_view(by_cpu.data(), boxes, channels, rows, columns),
                               piecewise, static_cast<cpu::InstructionSet>(set));
          require_same_bits(by_cuda, by_cpu, "crop");
        }
      }
    }
  }
}

const Register bytes("crop_and_resize uint8", cuda_equals_cpu<uint8_t, float>);
const Register floats("crop_and_resize float", cuda_equals_cpu<float, float>);
const Register doubles("crop_and_resize double", cuda_equals_cpu<double, double>);

}  // namespace
}  // namespace raz::testing
