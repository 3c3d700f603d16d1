#include "fuzz/fuzz.h"
#include "raz/box_score.h"
#include "raz/score_anchors.h"

namespace raz::fuzz {
namespace {

// Each box on its own; a box outside of the map or without extent counts nothing.
template <class Table, class Box, class Out>
std::vector<Out> scored_one_by_one(View<const Table, 3> integral, View<const Box, 3> boxes,
                                   bool mean) {
  const auto height = static_cast<double>(integral.size[1] - 1);
  const auto width = static_cast<double>(integral.size[2] - 1);
  std::vector<Out> result;
  for (int64_t b = 0; b < boxes.size[0]; ++b) {
    for (int64_t n = 0; n < boxes.size[1]; ++n) {
      double box[4];
      for (int edge = 0; edge < 4; ++edge) box[edge] = static_cast<double>(boxes(b, n, edge));
      result.push_back(static_cast<Out>(box_score(integral, b, box, mean)));
      const bool covers = box[0] < box[2] && box[1] < box[3] && box[0] < width && box[1] < height &&
                          box[2] > 0 && box[3] > 0;
      require(covers || result.back() == 0, "a box that covers nothing has a score");
    }
  }
  return result;
}

template <class Table, class Box, class Out>
void try_types(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const bool mean = bytes.once_in(2);
  const int64_t batch = bytes.between(0, 3);
  const int64_t height = side(bytes);
  const int64_t width = side(bytes);
  const int64_t count = bytes.between(0, 40);
  const Input<Table, 3> integral(bytes, number<Table>, batch, height + 1, width + 1);
  const Input<Box, 3> boxes(bytes, number<Box>, batch, count, 4);
  const Output<Out, 2> scores(bytes, batch, count);
  const std::vector<Out> expected =
      scored_one_by_one<Table, Box, Out>(integral.view(), boxes.view(), mean);
  for_each_cut([&](const Parallel& parallel) {
    const auto found = scores.of(7, [&](View<Out, 2> result) {
      cpu::score_anchors(integral.view(), boxes.view(), result, mean, parallel);
    });
    require_same_values(found, expected, "scores");
  });
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  const auto found = scores.of(7, [&](View<Out, 2> result) {
    require(cuda::score_anchors(integral.view(), boxes.view(), result, mean, nullptr) == 0,
            "no launch");
  });
  require_same_values(found, expected, "scores of CUDA");
#endif
}

}  // namespace

void try_one(Bytes& bytes) {
  switch (bytes.between(0, 5)) {
    case 0:
      return try_types<float, float, float>(bytes);
    case 1:
      return try_types<float, double, double>(bytes);
    case 2:
      return try_types<double, float, double>(bytes);
    case 3:
      return try_types<double, double, double>(bytes);
    case 4:
      return try_types<int64_t, float, float>(bytes);
    default:
      return try_types<int64_t, double, double>(bytes);
  }
}

}  // namespace raz::fuzz
