#include "fuzz/fuzz.h"
#include "raz/crop_and_resize.h"

namespace raz::fuzz {
namespace {

template <class In, class Out>
void try_types(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t images = bytes.between(0, 2);
  const int64_t channels = bytes.between(0, 5);
  const int64_t count = bytes.between(0, 5);
  const int64_t rows = bytes.once_in(8) ? bytes.between(0, 70) : bytes.between(0, 9);
  const int64_t columns = side(bytes);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const Input<In, 4> image(bytes, number<In>, images, channels, height, width);
  const Input<double, 2> boxes(bytes, number<double>, count, 4);
  const Input<int64_t, 1> batch(bytes, label_of(images), count);
  std::optional<Input<Out, 1>> mean;
  std::optional<Input<Out, 1>> std;
  if (bytes.once_in(2)) mean.emplace(bytes, number<Out>, channels);
  if (bytes.once_in(2)) std.emplace(bytes, number<Out>, channels);
  const Crops crops{boxes.view(), batch.view()};
  const Normalization<Out> normalize{view_or_none(mean), view_or_none(std)};
  const Output<Out, 4> result(bytes, count, channels, rows, columns);
  const auto by_cpu = [&](Out mark, const Parallel& parallel, cpu::InstructionSet set) {
    return result.of(mark, [&](View<Out, 4> into) {
      cpu::crop_and_resize(image.view(), crops, normalize, into, parallel, set);
    });
  };
  const std::vector<Out> expected = by_cpu(7, serial, cpu::InstructionSet::baseline);
  for_each_way([&](const Parallel& parallel, cpu::InstructionSet set) {
    require_same_values(by_cpu(9, parallel, set), expected, "crops");
  });
  const auto per_crop = static_cast<size_t>(channels * rows * columns);
  for (int64_t k = 0; k < count; ++k) {
    if (crops.readable(k, image.view())) continue;
    const auto crop = expected.begin() + static_cast<std::ptrdiff_t>(per_crop * size_t(k));
    require(std::all_of(crop, crop + static_cast<std::ptrdiff_t>(per_crop),
                        [](Out value) { return value == 0; }),
            "a crop that cannot be read is not 0");
  }
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  const auto found = result.of(9, [&](View<Out, 4> into) {
    require(cuda::crop_and_resize(image.view(), crops, normalize, into, nullptr) == 0, "no launch");
  });
  require_same_values(found, expected, "crops of CUDA");
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
