#include "fuzz/fuzz.h"
#include "raz/crop_and_resize_backward.h"

namespace raz::fuzz {
namespace {

template <class In, class Out>
void try_types(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t images = bytes.between(0, 2);
  const int64_t channels = bytes.between(0, 4);
  const int64_t count = bytes.between(0, 5);
  const int64_t rows = bytes.once_in(8) ? bytes.between(0, 70) : bytes.between(0, 9);
  const int64_t columns = side(bytes);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const Input<Out, 4> grad(bytes, number<Out>, count, channels, rows, columns);
  const Input<In, 4> image(bytes, number<In>, images, channels, height, width);
  const Input<double, 2> boxes(bytes, number<double>, count, 4);
  const Input<int64_t, 1> batch(bytes, label_of(images), count);
  std::optional<Input<Out, 1>> std;
  if (bytes.once_in(2)) std.emplace(bytes, number<Out>, channels);
  const Crops crops{boxes.view(), batch.view()};
  const Output<Out, 4> images_grad(bytes, images, channels, height, width);
  const Output<double, 2> boxes_grad(bytes, count, 4);
  const auto of_images = [&](Out mark, const Parallel& parallel) {
    return images_grad.of(mark, [&](View<Out, 4> result) {
      cpu::crop_and_resize_backward_images(grad.view(), crops, view_or_none(std), result, parallel);
    });
  };
  const auto of_boxes = [&](double mark, const Parallel& parallel) {
    return boxes_grad.of(mark, [&](View<double, 2> result) {
      cpu::crop_and_resize_backward_boxes(grad.view(), image.view(), crops, view_or_none(std),
                                          result, parallel);
    });
  };
  const std::vector<Out> images_expected = of_images(7, serial);
  const std::vector<double> boxes_expected = of_boxes(7, serial);
  for_each_cut([&](const Parallel& parallel) {
    require_same_values(of_images(9, parallel), images_expected, "images_grad");
    require_same_values(of_boxes(9, parallel), boxes_expected, "boxes_grad");
  });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  std::vector<CropSample<Out>> samples(static_cast<size_t>(count * (rows + columns)));
  const auto found = images_grad.of(9, [&](View<Out, 4> result) {
    require(cuda::crop_and_resize_backward_images(grad.view(), crops, view_or_none(std),
                                                  row_major(samples.data(), count, rows + columns),
                                                  result, nullptr) == 0,
            "no launch");
  });
  require_same_values(found, images_expected, "images_grad of CUDA");
#endif
}

}  // namespace

void try_one(Bytes& bytes) {
  switch (bytes.between(0, 2)) {
    case 0:
      return try_types<uint8_t, float>(bytes);
    case 1:
      return try_types<float, float>(bytes);
    default:
      return try_types<double, double>(bytes);
  }
}

}  // namespace raz::fuzz
