#include "fuzz/fuzz.h"
#include "raz/score_anchors_backward.h"

namespace raz::fuzz {
namespace {

template <class Table>
void try_type(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const bool mean = bytes.once_in(2);
  const int64_t batch = bytes.between(0, 3);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const int64_t count = bytes.between(0, 40);
  const Input<double, 2> grad(bytes, number<double>, batch, count);
  const Input<Table, 3> integral(bytes, number<Table>, batch, height + 1, width + 1);
  const Input<double, 3> boxes(bytes, number<double>, batch, count, 4);
  const Output<double, 3> integral_grad(bytes, batch, height + 1, width + 1);
  const Output<double, 3> boxes_grad(bytes, batch, count, 4);
  const auto of_integral = [&](double mark, const Parallel& parallel) {
    return integral_grad.of(mark, [&](View<double, 3> result) {
      cpu::score_anchors_backward_integral(grad.view(), boxes.view(), result, mean, parallel);
    });
  };
  const auto of_boxes = [&](double mark, const Parallel& parallel) {
    return boxes_grad.of(mark, [&](View<double, 3> result) {
      cpu::score_anchors_backward_boxes(grad.view(), integral.view(), boxes.view(), result, mean,
                                        parallel);
    });
  };
  const std::vector<double> integral_expected = of_integral(7, serial);
  const std::vector<double> boxes_expected = of_boxes(7, serial);
  for_each_cut([&](const Parallel& parallel) {
    require_same_values(of_integral(9, parallel), integral_expected, "integral_grad");
    require_same_values(of_boxes(9, parallel), boxes_expected, "boxes_grad");
  });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  const auto found = integral_grad.of(9, [&](View<double, 3> result) {
    require(cuda::score_anchors_backward_integral(grad.view(), boxes.view(), result, mean,
                                                  nullptr) == 0,
            "no launch");
  });
  require_same_values(found, integral_expected, "integral_grad of CUDA");
  const auto found_boxes = boxes_grad.of(9, [&](View<double, 3> result) {
    require(cuda::score_anchors_backward_boxes(grad.view(), integral.view(), boxes.view(), result,
                                               mean, nullptr) == 0,
            "no launch");
  });
  require_same_values(found_boxes, boxes_expected, "boxes_grad of CUDA");
#endif
}

}  // namespace

void try_one(Bytes& bytes) {
  switch (bytes.between(0, 2)) {
    case 0:
      return try_type<float>(bytes);
    case 1:
      return try_type<double>(bytes);
    default:
      return try_type<int64_t>(bytes);
  }
}

}  // namespace raz::fuzz
