#include "raz/integral_image.h"
#include "testing.h"

namespace raz::testing {
namespace {

template <class In, class Out>
void cuda_equals_cpu() {
  uint32_t seed = 0;
  for (const auto& [batch, height, width] : shapes) {
    const auto data = random_values<In>(batch * height * width, 0, 30, ++seed);
    const auto image = contiguous_view(data.data(), batch, height, width);
    const auto entries = static_cast<size_t>(batch * (height + 1) * (width + 1));
    std::vector<Out> by_cpu(entries, Out{-1});
    std::vector<Out> by_cuda(entries, Out{-1});
    std::vector<double> above(static_cast<size_t>(batch * width));
    cpu::integral_image(image, contiguous_view(by_cpu.data(), batch, height + 1, width + 1),
                        contiguous_view(above.data(), batch, width), serial,
                        cpu::best_instruction_set());
    const int error = cuda::integral_image(
        image, contiguous_view(by_cuda.data(), batch, height + 1, width + 1), nullptr);
    require(error == 0, "launch failed");
    require_same_bits(by_cuda, by_cpu, "table");
  }
}

const Register float_to_float("integral_image float, float", cuda_equals_cpu<float, float>);
const Register float_to_double("integral_image float, double", cuda_equals_cpu<float, double>);
const Register bytes("integral_image uint8, int64", cuda_equals_cpu<uint8_t, int64_t>);

}  // namespace
}  // namespace raz::testing
