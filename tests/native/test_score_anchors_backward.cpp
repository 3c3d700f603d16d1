#include <cmath>

#include "raz/score_anchors.h"
#include "raz/score_anchors_backward.h"
#include "testing.h"

namespace raz::testing {
namespace {

constexpr int64_t batch = 2;
constexpr int64_t count = 9;

struct Problem {
  std::vector<double> table;
  std::vector<double> boxes;
  std::vector<double> grad;
  int64_t height;
  int64_t width;
  bool mean;

  View<const double, 3> table_view() const {
    return contiguous_view(table.data(), batch, height + 1, width + 1);
  }
  View<const double, 3> boxes_view() const {
    return contiguous_view(boxes.data(), batch, count, 4);
  }
  View<const double, 2> grad_view() const { return contiguous_view(grad.data(), batch, count); }

  double loss() const {
    std::vector<double> scores(grad.size());
    cpu::score_anchors(table_view(), boxes_view(), contiguous_view(scores.data(), batch, count),
                       mean, serial);
    double sum = 0;
    for (size_t i = 0; i < scores.size(); ++i) sum += scores[i] * grad[i];
    return sum;
  }
};

// The loss is linear in the table, and within a pixel bilinear in the edges of a sum.
void equals_differences(const Problem& problem) {
  std::vector<double> of_table(problem.table.size(), -1);
  std::vector<double> of_boxes(problem.boxes.size(), -1);
  const auto table_grad =
      contiguous_view(of_table.data(), batch, problem.height + 1, problem.width + 1);
  const auto boxes_grad = contiguous_view(of_boxes.data(), batch, count, int64_t{4});
  for (const Parallel& parallel : {serial, piecewise}) {
    const std::vector<double> before[] = {of_table, of_boxes};
    cpu::score_anchors_backward_integral(problem.grad_view(), problem.boxes_view(), table_grad,
                                         problem.mean, parallel);
    cpu::score_anchors_backward_boxes(problem.grad_view(), problem.table_view(),
                                      problem.boxes_view(), boxes_grad, problem.mean, parallel);
    if (parallel.run == serial.run) continue;
    require_same_bits(of_table, before[0], "integral_grad");
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
  for (size_t i = 0; i < problem.table.size(); ++i) {
    Problem moved = problem;
    moved.table[i] += step;
    require_near(moved, of_table[i], "integral_grad");
  }
  for (size_t i = 0; i < problem.boxes.size(); ++i) {
    Problem moved = problem;
    moved.boxes[i] += step;
    require_near(moved, of_boxes[i], "boxes_grad");
  }
}

void all_sizes() {
  uint32_t seed = 0;
  for (const auto& [height, width] :
       {std::pair<int64_t, int64_t>{1, 1}, {4, 6}, {70, 3}, {2, 90}}) {
    for (const bool mean : {false, true}) {
      Problem problem{random_values<double>(batch * (height + 1) * (width + 1), -3, 3, ++seed),
                      random_values<double>(batch * count * 4, -2, 9, ++seed),
                      random_values<double>(batch * count, -3, 3, ++seed),
                      height,
                      width,
                      mean};
      equals_differences(problem);
    }
  }
}

// More boxes than a block looks at in turn; NaN, infinite, inverted and repeated ones, gradients
// that are not finite, a table whose rows are no multiple of a block's.
template <class Table>
void cuda_equals_cpu() {
  constexpr int64_t many = 300;
  uint32_t seed = 0;
  for (const auto& [images, height, width] : shapes) {
    const auto table = random_values<Table>(images * (height + 1) * (width + 1), 0, 9, ++seed);
    auto boxes = random_values<double>(images * many * 4, -4, 12, ++seed);
    auto grad = random_values<double>(images * many, -3, 3, ++seed);
    for (size_t i = 0; i < boxes.size(); i += 37) boxes[i] += 0.377;
    for (size_t i = 5; i < boxes.size(); i += 101) boxes[i] = NAN;
    for (size_t i = 7; i < boxes.size(); i += 103) boxes[i] = i % 2 == 0 ? INFINITY : -INFINITY;
    for (size_t i = 11; i < grad.size(); i += 113) grad[i] = INFINITY;
    const auto edges = contiguous_view(static_cast<const double*>(boxes.data()), images, many, 4);
    const auto of_scores = contiguous_view(static_cast<const double*>(grad.data()), images, many);
    const auto integral = contiguous_view(table.data(), images, height + 1, width + 1);
    for (const bool mean : {false, true}) {
      std::vector<double> tables[2];
      std::vector<double> of_boxes[2];
      for (int device = 0; device < 2; ++device) {
        tables[device].assign(table.size(), -1);
        of_boxes[device].assign(boxes.size(), -1);
        const auto into = contiguous_view(tables[device].data(), images, height + 1, width + 1);
        const auto into_boxes = contiguous_view(of_boxes[device].data(), images, many, int64_t{4});
        if (device == 0) {
          cpu::score_anchors_backward_integral(of_scores, edges, into, mean, serial);
          cpu::score_anchors_backward_boxes(of_scores, integral, edges, into_boxes, mean, serial);
        } else {
          require(cuda::score_anchors_backward_integral(of_scores, edges, into, mean, nullptr) == 0,
                  "launch failed");
          require(cuda::score_anchors_backward_boxes(of_scores, integral, edges, into_boxes, mean,
                                                     nullptr) == 0,
                  "launch failed");
        }
      }
      require_same_values(tables[1], tables[0], "integral_grad");
      require_same_values(of_boxes[1], of_boxes[0], "boxes_grad");
    }
  }
}

const Register of_floats("score_anchors_backward of CUDA equals the CPU: float",
                         cuda_equals_cpu<float>);
const Register of_integers("score_anchors_backward of CUDA equals the CPU: int64",
                           cuda_equals_cpu<int64_t>);
const Register differences("score_anchors_backward equals differences to the right", all_sizes);

}  // namespace
}  // namespace raz::testing
