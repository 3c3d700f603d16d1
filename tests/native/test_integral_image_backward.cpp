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

const Register adjoint("integral_image_backward is the adjoint", is_the_adjoint);

}  // namespace
}  // namespace raz::testing
