#include <cmath>
#include <limits>

#include "raz/integral_image.h"
#include "testing.h"

namespace raz::testing {
namespace {

// More than one band of rows and strip of columns of the CUDA kernel, whole ones and cut ones.
constexpr int64_t large_shapes[][3] = {{2, 64, 128}, {2, 70, 300}, {1, 97, 129}};

template <class In, class Out>
std::vector<Out> by_cpu(View<const In, 3> image) {
  const auto [batch, height, width] = image.size;
  std::vector<Out> table(static_cast<size_t>(batch * (height + 1) * (width + 1)), Out{-1});
  std::vector<double> above(static_cast<size_t>(batch * width));
  cpu::integral_image(image, contiguous_view(table.data(), batch, height + 1, width + 1),
                      contiguous_view(above.data(), batch, width), serial,
                      cpu::best_instruction_set());
  return table;
}

template <class In, class Out>
std::vector<Out> by_cuda(View<const In, 3> image) {
  const auto [batch, height, width] = image.size;
  std::vector<Out> table(static_cast<size_t>(batch * (height + 1) * (width + 1)), Out{-1});
  const bool rounded = std::is_same_v<Out, float>;
  const int64_t words = cuda::integral_image_workspace(batch, height, width, rounded);
  std::vector<int64_t> workspace(static_cast<size_t>(words), -1);
  const int error =
      cuda::integral_image(image, contiguous_view(table.data(), batch, height + 1, width + 1),
                           workspace.data(), nullptr);
  require(error == 0, "launch failed");
  return table;
}

template <class Visit>
void for_each_shape(Visit&& visit) {
  for (const auto& shape : shapes) visit(shape[0], shape[1], shape[2]);
  for (const auto& shape : large_shapes) visit(shape[0], shape[1], shape[2]);
}

// The values are fractions of a power of two, so that sums are exact in any order.
template <class In, class Out>
void cuda_equals_cpu() {
  uint32_t seed = 0;
  for_each_shape([&](int64_t batch, int64_t height, int64_t width) {
    const auto data = random_values<In>(batch * height * width, 0, 30, ++seed);
    const auto image = contiguous_view(data.data(), batch, height, width);
    require_same_bits(by_cuda<In, Out>(image), by_cpu<In, Out>(image), "table");
  });
}

// The map as every third element of rows that are stored from the right, in columns.
void any_strides() {
  constexpr int64_t batch = 2;
  constexpr int64_t height = 37;
  constexpr int64_t width = 150;
  const auto data = random_values<float>(batch * height * width * 3, 0, 30, 1);
  const View<const float, 3> image{
      data.data() + 1, {batch, height, width}, {height * width * 3, 3, height * 3}};
  require_same_bits(by_cuda<float, float>(image), by_cpu<float, float>(image), "table");
}

// |error| of sums in double, in either order; a float table rounds them once more.
template <class Out>
void other_order_rounds_as_stated() {
  constexpr int64_t height = 70;
  constexpr int64_t width = 300;
  std::mt19937 engine(1);
  std::normal_distribution<float> draw;
  std::vector<float> data(height * width);
  for (float& value : data) value = draw(engine);
  std::vector<float> sizes(data);
  for (float& value : sizes) value = std::abs(value);
  const auto view = [](const std::vector<float>& values) {
    return contiguous_view(values.data(), int64_t{1}, height, width);
  };
  const std::vector<Out> got = by_cuda<float, Out>(view(data));
  const std::vector<Out> expected = by_cpu<float, Out>(view(data));
  const std::vector<double> absolute = by_cpu<float, double>(view(sizes));
  const double unit = std::is_same_v<Out, float> ? 0x1p-23 : 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double limit = 0x1p-52 * static_cast<double>(height + width) * absolute[i] +
                         unit * std::abs(static_cast<double>(expected[i]));
    require(std::abs(static_cast<double>(got[i]) - static_cast<double>(expected[i])) <= limit,
            "an entry differs by more than its rounding");
  }
  require_same_bits(by_cuda<float, Out>(view(data)), got, "a second run");
}

// In the second band and the second strip.
void nan_poisons_below_and_right() {
  constexpr int64_t size[] = {100, 300};
  for (const float value :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    auto data = random_values<float>(size[0] * size[1], 0, 30, 1);
    data[40 * size[1] + 140] = value;
    if (std::isinf(value)) data[70 * size[1] + 200] = -value;
    const auto image =
        contiguous_view(static_cast<const float*>(data.data()), int64_t{1}, size[0], size[1]);
    const std::vector<double> got = by_cuda<float, double>(image);
    const std::vector<double> expected = by_cpu<float, double>(image);
    for (size_t i = 0; i < got.size(); ++i) {
      require(got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i])),
              "entry " + std::to_string(i) + " differs");
    }
  }
}

// Torch gives no address where there are no pixels, and strides that are not 0.
void nothing_is_read_where_there_are_no_pixels() {
  const View<const float, 3> rows{nullptr, {2, 3, 0}, {3, 1, 1}};
  const View<const float, 3> columns{nullptr, {2, 0, 3}, {3, 3, 1}};
  require_same_bits(by_cpu<float, float>(rows), std::vector<float>(8), "table");
  require_same_bits(by_cpu<float, double>(columns), std::vector<double>(8), "table");
}

void integers_wrap() {
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  const std::vector<int64_t> pixels{most, 1, 1, most};
  const auto image = contiguous_view(pixels.data(), int64_t{1}, int64_t{2}, int64_t{2});
  const std::vector<int64_t> expected{0, 0, 0, 0, most, -most - 1, 0, -most - 1, 0};
  require_same_bits(by_cpu<int64_t, int64_t>(image), expected, "table");
}

const Register no_pixels("integral_image: nothing is read where there are no pixels",
                         nothing_is_read_where_there_are_no_pixels);
const Register wrap("integral_image: integers wrap", integers_wrap);
const Register float_to_float("integral_image float, float", cuda_equals_cpu<float, float>);
const Register float_to_double("integral_image float, double", cuda_equals_cpu<float, double>);
const Register doubles("integral_image double, double", cuda_equals_cpu<double, double>);
const Register bytes("integral_image uint8, int64", cuda_equals_cpu<uint8_t, int64_t>);
const Register ints("integral_image int32, int64", cuda_equals_cpu<int32_t, int64_t>);
const Register longs("integral_image int64, int64", cuda_equals_cpu<int64_t, int64_t>);
const Register strides("integral_image: any strides", any_strides);
const Register float_rounding("integral_image: rounding, float",
                              other_order_rounds_as_stated<float>);
const Register double_rounding("integral_image: rounding, double",
                               other_order_rounds_as_stated<double>);
const Register nan("integral_image: NaN and infinity", nan_poisons_below_and_right);

}  // namespace
}  // namespace raz::testing
