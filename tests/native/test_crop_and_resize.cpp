#include <cmath>

#include "raz/crop_and_resize.h"
#include "testing.h"

namespace raz::testing {
namespace {

// Boxes reach over the image on every side; some are inverted, not finite or of no image.
template <class In, class Out>
void cuda_equals_cpu() {
  constexpr int64_t boxes = 6;
  constexpr int64_t channels = 5;
  constexpr int64_t size[][2] = {{4, 5}, {1, 1}, {0, 3}, {3, 150}, {66, 4}, {9, 132}, {1, 516}};
  const std::vector<Out> mean{Out(0.5), Out(0.25), Out(0), Out(-3), Out(7)};
  const std::vector<Out> std{Out(2), Out(1), Out(0.75), Out(0.3), Out(11)};
  bool normalized = false;
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
      Normalization<Out> normalize;
      normalized = !normalized;
      if (normalized) {
        normalize = {contiguous_view(mean.data(), channels), contiguous_view(std.data(), channels)};
      }
      std::vector<Out> by_cuda(static_cast<size_t>(boxes * channels * rows * columns), Out{-1});
      const int error = cuda::crop_and_resize(
          image, crops, normalize, contiguous_view(by_cuda.data(), boxes, channels, rows, columns),
          nullptr);
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

// Channels last, in and out.
void cuda_takes_any_strides() {
  constexpr int64_t channels = 3, height = 6, width = 8, rows = 9, columns = 12;
  const auto values = random_values<float>(height * width * channels, 0, 31, 1);
  const View<const float, 4> image{
      values.data(), {1, channels, height, width}, {0, 1, width * channels, channels}};
  const double edges[] = {1, 2, 7, 5};
  const int64_t batch[] = {0};
  const Crops crops{contiguous_view(edges, int64_t{1}, int64_t{4}),
                    contiguous_view(batch, int64_t{1})};
  std::vector<float> by_cuda(static_cast<size_t>(channels * rows * columns), -1);
  std::vector<float> by_cpu(by_cuda);
  const auto last = [&](std::vector<float>& result) {
    return View<float, 4>{
        result.data(), {1, channels, rows, columns}, {0, 1, columns * channels, channels}};
  };
  const int error =
      cuda::crop_and_resize(image, crops, Normalization<float>{}, last(by_cuda), nullptr);
  require(error == 0, "launch failed");
  cpu::crop_and_resize(image, crops, Normalization<float>{}, last(by_cpu), serial,
                       cpu::best_instruction_set());
  require_same_bits(by_cuda, by_cpu, "crop");
}

const Register strides("crop_and_resize: any strides", cuda_takes_any_strides);
const Register bytes("crop_and_resize uint8", cuda_equals_cpu<uint8_t, float>);
const Register floats("crop_and_resize float", cuda_equals_cpu<float, float>);
const Register doubles("crop_and_resize double", cuda_equals_cpu<double, double>);

}  // namespace
}  // namespace raz::testing
