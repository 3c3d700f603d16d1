#include "fuzz/fuzz.h"
#include "raz/integral_image_backward.h"

namespace raz::fuzz {
namespace {

// Up the columns, then along the row from its end.
template <class Grad, class Out>
std::vector<Out> summed_one_by_one(View<const Grad, 3> grad) {
  const int64_t height = grad.size[1] - 1;
  const int64_t width = grad.size[2] - 1;
  std::vector<Out> result(static_cast<size_t>(grad.size[0] * height * width));
  for (int64_t b = 0; b < grad.size[0]; ++b) {
    std::vector<double> below(static_cast<size_t>(width));
    for (int64_t y = height - 1; y >= 0; --y) {
      double along = 0;
      for (int64_t x = width - 1; x >= 0; --x) {
        below[static_cast<size_t>(x)] += static_cast<double>(grad(b, y + 1, x + 1));
        along += below[static_cast<size_t>(x)];
        result[static_cast<size_t>((b * height + y) * width + x)] = static_cast<Out>(along);
      }
    }
  }
  return result;
}

template <class Grad, class Out>
void try_types(Bytes& bytes) {
  const int64_t batch = bytes.between(0, 3);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const Input<Grad, 3> grad(bytes, number<Grad>, batch, height + 1, width + 1);
  const Output<Out, 3> image_grad(bytes, batch, height, width);
  std::vector<double> workspace(static_cast<size_t>(batch * width));
  const std::vector<Out> expected = summed_one_by_one<Grad, Out>(grad.view());
  for_each_cut([&](const Parallel& parallel) {
    const auto found = image_grad.of(7, [&](View<Out, 3> result) {
      cpu::integral_image_backward(grad.view(), result, row_major(workspace.data(), batch, width),
                                   parallel);
    });
    require_same_values(found, expected, "image_grad");
  });
}

}  // namespace

void try_one(Bytes& bytes) {
  switch (bytes.between(0, 2)) {
    case 0:
      return try_types<float, float>(bytes);
    case 1:
      return try_types<double, float>(bytes);
    default:
      return try_types<double, double>(bytes);
  }
}

}  // namespace raz::fuzz
