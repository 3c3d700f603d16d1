#include <cmath>
#include <limits>

#include "raz/crop_and_resize_backward.h"
#include "testing.h"

namespace raz::testing {
namespace {

constexpr int64_t count = 5;
constexpr int64_t channels = 3;

struct Problem {
  std::vector<double> images;
  std::vector<double> boxes;
  std::vector<double> grad;
  std::vector<double> std;
  std::vector<int64_t> batch;
  int64_t size[2];
  int64_t crop[2];

  View<const double, 4> images_view() const {
    return contiguous_view(images.data(), 2, channels, size[0], size[1]);
  }
  View<const double, 4> grad_view() const {
    return contiguous_view(grad.data(), count, channels, crop[0], crop[1]);
  }
  View<const double, 1> std_view() const { return contiguous_view(std.data(), channels); }
  Crops crops() const {
    return {contiguous_view(boxes.data(), count, 4), contiguous_view(batch.data(), count)};
  }

  double loss() const {
    std::vector<double> result(grad.size());
    cpu::crop_and_resize(images_view(), crops(), Normalization<double>{{}, std_view()},
                         contiguous_view(result.data(), count, channels, crop[0], crop[1]), serial,
                         cpu::best_instruction_set());
    double sum = 0;
    for (size_t i = 0; i < result.size(); ++i) sum += result[i] * grad[i];
    return sum;
  }
};

void equals_differences(const Problem& problem) {
  std::vector<double> of_images(problem.images.size(), -1);
  std::vector<double> of_boxes(problem.boxes.size(), -1);
  const auto images_grad =
      contiguous_view(of_images.data(), 2, channels, problem.size[0], problem.size[1]);
  const auto boxes_grad = contiguous_view(of_boxes.data(), count, 4);
  for (const Parallel& parallel : {serial, piecewise}) {
    const std::vector<double> before[] = {of_images, of_boxes};
    cpu::crop_and_resize_backward_images(problem.grad_view(), problem.crops(), problem.std_view(),
                                         images_grad, parallel);
    cpu::crop_and_resize_backward_boxes(problem.grad_view(), problem.images_view(), problem.crops(),
                                        problem.std_view(), boxes_grad, parallel);
    if (parallel.run == serial.run) continue;
    require_same_bits(of_images, before[0], "images_grad");
    require_same_bits(of_boxes, before[1], "boxes_grad");
  }
  const double loss = problem.loss();
  constexpr double step = 1e-6;
  const auto require_near = [&](const Problem& moved, double derivative, const char* what) {
    const double difference = (moved.loss() - loss) / step;
    require(std::abs(difference - derivative) <= 1e-3 * (1 + std::abs(derivative)),
            std::string(what) + ": " + std::to_string(derivative) + ", by differences " +
                std::to_string(difference));
  };
  for (size_t i = 0; i < problem.images.size(); i += 7) {
    Problem moved = problem;
    moved.images[i] += step;
    require_near(moved, of_images[i], "images_grad");
  }
  for (size_t i = 0; i < problem.boxes.size(); ++i) {
    Problem moved = problem;
    moved.boxes[i] += step;
    require_near(moved, of_boxes[i], "boxes_grad");
  }
}

void all_sizes() {
  uint32_t seed = 0;
  const int64_t sizes[][4] = {{1, 1, 3, 2}, {5, 7, 4, 6}, {9, 4, 2, 300}, {3, 40, 11, 5}};
  for (const auto& [height, width, crop_height, crop_width] : sizes) {
    Problem problem{
        random_values<double>(2 * channels * height * width, -3, 3, ++seed),
        random_values<double>(count * 4, -2, 9, ++seed),
        random_values<double>(count * channels * crop_height * crop_width, -1, 1, ++seed),
        {0.5, 0.25, 2},
        {0, 1, 1, 7, 0},  // the fourth is of no image
        {height, width},
        {crop_height, crop_width}};
    // Not on pixel centres, where the left and the right derivative differ.
    for (double& edge : problem.boxes) edge += 0.0123;
    equals_differences(problem);
  }
}

// Images to the bit, boxes up to the rounding of Out: sums of magnitudes below 1e4.
template <class In, class Out>
void cuda_equals_cpu() {
  uint32_t seed = 0;
  // Tiles of 32 x 8 pixels, parts of 32 rows and 256 columns, samples in turns of 256.
  const int64_t sizes[][4] = {{1, 1, 3, 2},    {5, 7, 4, 6}, {9, 4, 2, 300}, {3, 40, 11, 5},
                              {20, 70, 40, 9}, {0, 3, 2, 2}, {4, 4, 0, 3},   {6, 33, 34, 1}};
  for (const auto& [height, width, rows, columns] : sizes) {
    for (const int64_t depth : {1, 5}) {
      auto edges = random_values<double>(count * 4, -2, 40, ++seed);
      edges[4] = -1e18;  // the second: nearly all samples at one pixel
      edges[17] = NAN;   // the fifth
      const std::vector<int64_t> batch{0, 1, 1, 7, 0};
      const auto deviations = random_values<Out>(depth, 1, 3, ++seed);
      const auto pixels = random_values<In>(2 * depth * height * width, 0, 9, ++seed);
      auto values = random_values<Out>(count * depth * rows * columns, -1, 1, ++seed);
      for (Out& value : values) value += static_cast<Out>(0.123);
      const Crops crops{contiguous_view(static_cast<const double*>(edges.data()), count, 4),
                        contiguous_view(batch.data(), count)};
      const auto std = contiguous_view(deviations.data(), depth);
      const auto images = contiguous_view(pixels.data(), 2, depth, height, width);
      const auto grad =
          contiguous_view(static_cast<const Out*>(values.data()), count, depth, rows, columns);
      std::vector<double> of_boxes[2];
      std::vector<Out> of_images[2];
      for (int device = 0; device < 2; ++device) {
        of_boxes[device].assign(count * 4, -1);
        of_images[device].assign(pixels.size(), -1);
        const auto boxes_grad = contiguous_view(of_boxes[device].data(), count, 4);
        const auto images_grad = contiguous_view(of_images[device].data(), 2, depth, height, width);
        if (device == 0) {
          cpu::crop_and_resize_backward_images(grad, crops, std, images_grad, serial);
          cpu::crop_and_resize_backward_boxes(grad, images, crops, std, boxes_grad, serial);
          continue;
        }
        std::vector<CropSample<Out>> samples(static_cast<size_t>(count * (rows + columns)));
        const int64_t parts = (rows + cuda::crop_and_resize_backward_part_rows - 1) /
                              cuda::crop_and_resize_backward_part_rows *
                              ((columns + cuda::crop_and_resize_backward_part_columns - 1) /
                               cuda::crop_and_resize_backward_part_columns);
        std::vector<double> sums(static_cast<size_t>(count * parts * 4), NAN);
        require(cuda::crop_and_resize_backward_images(
                    grad, crops, std, contiguous_view(samples.data(), count, rows + columns),
                    images_grad, nullptr) == 0,
                "launch failed");
        require(cuda::crop_and_resize_backward_boxes(grad, images, crops, std,
                                                     contiguous_view(sums.data(), count, parts, 4),
                                                     boxes_grad, nullptr) == 0,
                "launch failed");
      }
      require_same_bits(of_images[1], of_images[0], "images_grad");
      constexpr double rounding = 1e4 * std::numeric_limits<Out>::epsilon();
      for (size_t i = 0; i < of_boxes[0].size(); ++i) {
        require(std::abs(of_boxes[1][i] - of_boxes[0][i]) <= rounding,
                "boxes_grad: " + std::to_string(of_boxes[1][i]) + ", by the CPU " +
                    std::to_string(of_boxes[0][i]));
      }
    }
  }
}

const Register bytes("crop_and_resize_backward of CUDA equals the CPU: uint8, float",
                     cuda_equals_cpu<uint8_t, float>);
const Register floats("crop_and_resize_backward of CUDA equals the CPU: float, float",
                      cuda_equals_cpu<float, float>);
const Register doubles("crop_and_resize_backward of CUDA equals the CPU: double, double",
                       cuda_equals_cpu<double, double>);
const Register differences("crop_and_resize_backward equals differences", all_sizes);

}  // namespace
}  // namespace raz::testing
