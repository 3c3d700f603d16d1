#include "fuzz/heads.h"
#include "raz/density_map.h"

namespace raz::fuzz {
namespace {

std::vector<double> adaptive(View<const double, 2> points, View<const int64_t, 1> batch,
                             DensityGrid grid) {
  const int64_t count = points.size[0];
  std::vector<CongestionNode> nodes(static_cast<size_t>(count));
  std::vector<double> sigmas(static_cast<size_t>(count));
  cpu::adaptive_sigmas(points, batch, grid, nodes.data(), row_major(sigmas.data(), count), serial);
  for (const double sigma : sigmas) require(1 <= sigma && sigma <= 50, "sigma is out of range");
  return sigmas;
}

template <class Out>
void try_type(Bytes& bytes) {
  const bool cuda = with_cuda(bytes);
  const MapSides sides(bytes);
  const DensityGrid grid{sides.height, sides.width, sides.stride};
  const int64_t images = bytes.between(0, 3);
  const int64_t count = bytes.between(0, 40);
  const Input<double, 2> points(bytes, number<double>, count, 2);
  const Labels batch = labels(bytes, count, images);
  const auto image_of_head = view_or_none(batch);
  const Input<double, 1> drawn(bytes, positive<double>, count);
  const bool own = bytes.once_in(2);
  const std::vector<double> adapted = adaptive(points.view(), image_of_head, grid);
  const View<const double, 1> sigmas = own ? drawn.view() : row_major(adapted.data(), count);

  const int64_t rows = sides.rows();
  const int64_t columns = sides.columns();
  std::vector<Out> map(static_cast<size_t>(images * rows * columns));
  std::vector<double> sums(map.size());
  const auto view = row_major(map.data(), images, rows, columns);
  const auto by_cpu = [&](Out mark, const Parallel& parallel, cpu::InstructionSet set) {
    std::fill(map.begin(), map.end(), mark);
    std::fill(sums.begin(), sums.end(), mark);
    cpu::density_map(points.view(), image_of_head, sigmas, grid, sums.data(), view, parallel, set);
    return map;
  };
  const std::vector<Out> expected = by_cpu(7, serial, cpu::InstructionSet::baseline);
  for_each_way([&](const Parallel& parallel, cpu::InstructionSet set) {
    require_same_values(by_cpu(9, parallel, set), expected, "map");
  });
  double inside = 0;
  for (int64_t n = 0; n < count; ++n) {
    inside += is_inside(points.view(), image_of_head, n, sides, images);
  }
  if (rows * columns == 0) inside = 0;
  const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
  require(std::abs(sum - inside) <= 1e-5 * inside,
          "the map sums to " + std::to_string(sum) + ", not to " + std::to_string(inside));
  if (!cuda) return;
#ifdef RAZ_FUZZ_CUDA
  std::vector<double> workspace(static_cast<size_t>(cuda::density_map_workspace(count) / 8), NAN);
  require(cuda::density_map(points.view(), image_of_head, sigmas, grid, workspace.data(), view,
                            nullptr) == 0,
          "no launch");
  require_same_values(map, expected, "map of CUDA");
#endif
}

}  // namespace

void try_one(Bytes& bytes) {
  if (bytes.once_in(2)) return try_type<float>(bytes);
  try_type<double>(bytes);
}

}  // namespace raz::fuzz
