#include <cmath>
#include <utility>

#include "raz/integral_image.h"
#include "raz/integral_image_backward.h"
#include "testing.h"

namespace raz::testing {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

// <table of x, g> = <x, backward of g>, exactly: values are multiples of 1/8.
void is_the_adjoint() {
  uint32_t seed = 0;
  for (const auto& [batch, height, width] : shapes) {
    const auto image = random_values<double>(batch * height * width, -3, 3, ++seed);
    const auto grad = random_values<double>(batch * (height + 1) * (width + 1), -3, 3, ++seed);
    std::vector<double> workspace(static_cast<size_t>(batch * width));
    std::vector<double> table(grad.size());
    std::vector<double> image_grad(image.size(), -1);
    std::vector<double> in_pieces(image.size(), -1);
    const auto above = contiguous_view(workspace.data(), batch, width);
    const auto of_table = contiguous_view(grad.data(), batch, height + 1, width + 1);
    cpu::integral_image(contiguous_view(image.data(), batch, height, width),
                        contiguous_view(table.data(), batch, height + 1, width + 1), above, serial,
                        cpu::best_instruction_set());
    cpu::integral_image_backward(of_table, contiguous_view(image_grad.data(), batch, height, width),
                                 above, serial);
    cpu::integral_image_backward(of_table, contiguous_view(in_pieces.data(), batch, height, width),
                                 above, piecewise);
    require(dot(table, grad) == dot(image, image_grad), "not the adjoint");
    require_same_bits(in_pieces, image_grad, "image_grad");
  }
}

// Values are multiples of 1/8, whose sums are exact: any order gives the same bits.
template <class Grad, class Out>
void cuda_equals_cpu() {
  uint32_t seed = 0;
  for (const auto& [batch, height, width] : shapes) {
    // Transposed in memory, rows in reverse.
    const auto grad = random_values<Grad>(batch * (height + 1) * (width + 1), -3, 3, ++seed);
    auto of_table = contiguous_view(grad.data(), batch, width + 1, height + 1);
    std::swap(of_table.size[1], of_table.size[2]);
    std::swap(of_table.stride[1], of_table.stride[2]);
    const int64_t bands =
        (height + cuda::integral_image_backward_band - 1) / cuda::integral_image_backward_band;
    std::vector<double> columns(static_cast<size_t>(batch * width));
    std::vector<double> workspace(static_cast<size_t>(batch * bands * width), NAN);
    std::vector<Out> by_cpu(static_cast<size_t>(batch * height * width), Out{-1});
    std::vector<Out> by_cuda(by_cpu.size(), Out{-1});
    cpu::integral_image_backward(of_table, contiguous_view(by_cpu.data(), batch, height, width),
                                 contiguous_view(columns.data(), batch, width), serial);
    const int error = cuda::integral_image_backward(
        of_table, contiguous_view(by_cuda.data(), batch, height, width),
        contiguous_view(workspace.data(), batch, bands, width), nullptr);
    require(error == 0, "launch failed");
    require_same_bits(by_cuda, by_cpu, "image_grad");
  }
}

// A NaN reaches the pixels above and left of it, and no others.
void nan_reaches_what_the_cpu_says() {
  constexpr int64_t height = 37;
  constexpr int64_t width = 300;
  auto grad = random_values<double>((height + 1) * (width + 1), -3, 3, 5);
  grad[20 * (width + 1) + 270] = NAN;
  const auto of_table =
      contiguous_view(static_cast<const double*>(grad.data()), 1, height + 1, width + 1);
  std::vector<double> columns(width);
  std::vector<double> workspace(3 * width);
  std::vector<double> by_cpu(height * width);
  std::vector<double> by_cuda(height * width);
  cpu::integral_image_backward(of_table, contiguous_view(by_cpu.data(), 1, height, width),
                               contiguous_view(columns.data(), 1, width), serial);
  cuda::integral_image_backward(of_table, contiguous_view(by_cuda.data(), 1, height, width),
                                contiguous_view(workspace.data(), 1, 3, width), nullptr);
  for (size_t i = 0; i < by_cpu.size(); ++i) {
    require(std::isnan(by_cpu[i]) == std::isnan(by_cuda[i]), "a NaN is elsewhere");
    require(std::isnan(by_cpu[i]) || by_cpu[i] == by_cuda[i], "image_grad");
  }
}

const Register float_to_float("integral_image_backward of CUDA equals the CPU: float, float",
                              cuda_equals_cpu<float, float>);
const Register double_to_float("integral_image_backward of CUDA equals the CPU: double, float",
                               cuda_equals_cpu<double, float>);
const Register double_to_double("integral_image_backward of CUDA equals the CPU: double, double",
                                cuda_equals_cpu<double, double>);
const Register nans("integral_image_backward of CUDA: a NaN reaches what the CPU says",
                    nan_reaches_what_the_cpu_says);
const Register adjoint("integral_image_backward is the adjoint", is_the_adjoint);

}  // namespace
}  // namespace raz::testing
