#include "fuzz/fuzz.h"
#include "raz/integral_image.h"

namespace raz::fuzz {
namespace {

// In the order of additions that the header states.
template <class In, class Out>
std::vector<Out> summed_one_by_one(View<const In, 3> image) {
  using Sum = std::conditional_t<std::is_integral_v<Out>, uint64_t, double>;
  const auto [batch, height, width] = image.size;
  std::vector<Out> result;
  for (int64_t b = 0; b < batch; ++b) {
    std::vector<Sum> above(static_cast<size_t>(width) + 1);
    for (int64_t y = 0; y <= height; ++y) {
      Sum along = 0;
      for (int64_t x = 0; x <= width; ++x) {
        if (y == 0 || x == 0) {
          result.push_back(0);
        } else if constexpr (std::is_same_v<In, float>) {
          above[static_cast<size_t>(x)] += image(b, y - 1, x - 1);
          along += above[static_cast<size_t>(x)];
          result.push_back(static_cast<Out>(along));
        } else {
          along += static_cast<Sum>(image(b, y - 1, x - 1));
          above[static_cast<size_t>(x)] += along;
          result.push_back(static_cast<Out>(above[static_cast<size_t>(x)]));
        }
      }
    }
  }
  return result;
}

template <class In, class Out>
void try_types(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const int64_t batch = bytes.between(0, 3);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const Input<In, 3> image(bytes, number<In>, batch, height, width);
  std::vector<Out> table(static_cast<size_t>(batch * (height + 1) * (width + 1)));
  std::vector<double> workspace(static_cast<size_t>(batch * width));
  const auto view = row_major(table.data(), batch, height + 1, width + 1);
  const std::vector<Out> expected = summed_one_by_one<In, Out>(image.view());
  for_each_way([&](const Parallel& parallel, cpu::InstructionSet set) {
    std::fill(table.begin(), table.end(), Out{7});
    cpu::integral_image(image.view(), view, row_major(workspace.data(), batch, width), parallel,
                        set);
    require_same_values(table, expected, "table");
  });
  if (!cuda || !std::is_integral_v<Out>) return;
#ifdef RAZ_FUZZ_CUDA
  std::vector<int64_t> words(
      static_cast<size_t>(cuda::integral_image_workspace(batch, height, width, false)), -1);
  require(cuda::integral_image(image.view(), view, words.data(), nullptr) == 0, "no launch");
  require_same_values(table, expected, "table of CUDA");
#endif
}

}  // namespace

void try_one(Bytes& bytes) {
  switch (bytes.between(0, 5)) {
    case 0:
      return try_types<float, float>(bytes);
    case 1:
      return try_types<float, double>(bytes);
    case 2:
      return try_types<double, double>(bytes);
    case 3:
      return try_types<uint8_t, int64_t>(bytes);
    case 4:
      return try_types<int32_t, int64_t>(bytes);
    default:
      return try_types<int64_t, int64_t>(bytes);
  }
}

}  // namespace raz::fuzz
