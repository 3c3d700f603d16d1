#include "cuda/head_chunks.h"
#include "cuda/rank_in_block.h"
#include "raz/density_axis.h"
#include "raz/density_map.h"
#include "raz/longest_side.h"

namespace raz::cuda {
namespace {

constexpr int threads = heads_of_chunk;
constexpr int tile = 16;        // rows and columns of cells, one a thread
constexpr int heads_held = 32;  // whose shares lie in shared memory at once
static_assert(tile * tile == threads);
static_assert(longest_side % tile == 0);

// Where a head's window meets the map, and what cuts leave of its Gaussian.
struct Window {
  int32_t top;
  int32_t bottom;  // one past the end
  int32_t left;
  int32_t right;
  double down;
  double across;
};

// What a chunk of 256 heads is described by.
struct Workspace {
  Window* windows;     // one a head
  ImageRange* images;  // one a chunk

  Workspace(void* memory, int64_t heads)
      : windows(static_cast<Window*>(memory)),
        images(reinterpret_cast<ImageRange*>(windows + heads)) {}
};

struct WidenPoints {
  RAZ_DEVICE void operator()(int64_t index, View<const float, 2> points,
                             View<double, 2> result) const {
    result(index / 2, index % 2) = points(index / 2, index % 2);
  }
};

struct AdaptSigma {
  RAZ_DEVICE void operator()(int64_t index, DensityGrid grid, View<double, 1> sigmas) const {
    sigmas(index) = adaptive_sigma(sigmas(index), grid);
  }
};

struct FillSigma {
  RAZ_DEVICE void operator()(int64_t index, double sigma, View<double, 1> sigmas) const {
    sigmas(index) = sigma;
  }
};

struct PlaceHeads {
  RAZ_DEVICE void operator()(const Block& block, View<const double, 2> points,
                             View<const int64_t, 1> batch, View<const double, 1> sigmas,
                             DensityGrid grid, int64_t count, int64_t rows, int64_t columns,
                             Window* windows, ImageRange* images) const {
    const int64_t n = block.index() * threads + block.thread();
    ImageRange own = no_images;
    if (n < points.size[0]) {
      const int64_t b = image_of(batch, n);
      windows[n] = window_of(points(n, 0), points(n, 1), sigmas(n), grid, rows, columns);
      const bool gives = windows[n].top < windows[n].bottom && 0 <= b && b < count;
      if (gives) own = {b, b};
    }
    own = range_in_block(block, own, block.shared<ImageRange>());
    if (block.thread() == 0) images[block.index()] = own;
  }

 private:
  static RAZ_DEVICE Window window_of(double x, double y, double sigma, DensityGrid grid,
                                     int64_t rows, int64_t columns) {
    const auto height = static_cast<double>(grid.height);
    const auto width = static_cast<double>(grid.width);
    if (!(0 <= x && x <= width && 0 <= y && y <= height)) return {0, 0, 0, 0, 1, 1};
    const DensityAxis down(y, sigma, grid.height, grid.stride, rows);
    const DensityAxis across(x, sigma, grid.width, grid.stride, columns);
    return {static_cast<int32_t>(down.first),
            static_cast<int32_t>(down.last),
            static_cast<int32_t>(across.first),
            static_cast<int32_t>(across.last),
            density_mass(down),
            density_mass(across)};
  }
};

struct SharedTile {
  int64_t chunks[threads];  // those with heads of the image
  int64_t heads[threads];   // of a chunk, those that reach the tile, in order of index
  // Of the heads held: integrals to the edges of the tile's cells, then the shares of the cells.
  double edges[heads_held][2][tile + 1];
  double shares[heads_held][2][tile];
  int32_t counts[threads / warp_threads];
};

// A block a tile of cells.
template <class Out>
struct SumTile {
  RAZ_DEVICE void operator()(const Block& block, View<const double, 2> points,
                             View<const int64_t, 1> batch, View<const double, 1> sigmas,
                             DensityGrid grid, const Window* windows, const ImageRange* images,
                             View<Out, 3> map) const {
    const auto index = static_cast<uint32_t>(block.index());
    const auto across = static_cast<uint32_t>((map.size[2] + tile - 1) / tile);
    const auto down = static_cast<uint32_t>((map.size[1] + tile - 1) / tile);
    const auto left = static_cast<int32_t>(index % across * tile);
    const auto top = static_cast<int32_t>(index / across % down * tile);
    const int64_t b = index / across / down;
    auto& shared = *block.shared<SharedTile>();
    const int64_t heads = points.size[0];
    const int64_t chunks = (heads + threads - 1) / threads;
    double sum = 0;
    for (int64_t begin = 0; begin < chunks; begin += threads) {
      const int64_t chunk = begin + block.thread();
      const bool of_image = chunk < chunks && images[chunk].meets({b, b});
      const Rank wanted = rank_in_block(block, of_image, shared.counts);
      if (of_image) shared.chunks[wanted.rank] = chunk;
      block.sync();
      for (int i = 0; i < wanted.total; ++i) {
        const int64_t n = shared.chunks[i] * threads + block.thread();
        const bool reaches = n < heads && image_of(batch, n) == b && windows[n].top < top + tile &&
                             top < windows[n].bottom && windows[n].left < left + tile &&
                             left < windows[n].right;
        const Rank found = rank_in_block(block, reaches, shared.counts);
        if (reaches) shared.heads[found.rank] = n;
        block.sync();
        for (int first = 0; first < found.total; first += heads_held) {
          const int rest = found.total - first;
          add_heads(block, points, sigmas, grid, windows, shared.heads + first,
                    rest < heads_held ? rest : heads_held, top, left, map, shared, sum);
        }
        block.sync();
      }
    }
    const int64_t i = top + block.thread() / tile;
    const int64_t j = left + block.thread() % tile;
    if (i < map.size[1] && j < map.size[2]) map(b, i, j) = static_cast<Out>(sum);
  }

 private:
  static RAZ_DEVICE void add_heads(const Block& block, View<const double, 2> points,
                                   View<const double, 1> sigmas, DensityGrid grid,
                                   const Window* windows, const int64_t* heads, int count,
                                   int32_t top, int32_t left, View<Out, 3> map, SharedTile& shared,
                                   double& sum) {
    for (int item = block.thread(); item < count * 2 * (tile + 1); item += threads) {
      const int edge = item % (tile + 1);
      const bool of_row = item / (tile + 1) % 2 == 0;
      const int head = item / (tile + 1) / 2;
      const int64_t n = heads[head];
      const double centre = points(n, of_row ? 1 : 0);
      const auto length = static_cast<double>(of_row ? grid.height : grid.width);
      const auto at =
          static_cast<double>((of_row ? top : left) + edge) * static_cast<double>(grid.stride);
      shared.edges[head][of_row ? 0 : 1][edge] =
          density_integral(((at < length ? at : length) - centre) / sigmas(n));
    }
    block.sync();
    for (int item = block.thread(); item < count * 2 * tile; item += threads) {
      const int cell = item % tile;
      const int axis = item / tile % 2;
      const int head = item / tile / 2;
      const Window& window = windows[heads[head]];
      const int32_t at = (axis == 0 ? top : left) + cell;
      // Columns are widened to whole blocks of eight, as on the CPU.
      const bool inside = axis == 0 ? window.top <= at && at < window.bottom
                                    : window.left / 8 * 8 <= at &&
                                          at < (window.right + 7) / 8 * 8 && at < map.size[2];
      const auto& edges = shared.edges[head][axis];
      shared.shares[head][axis][cell] =
          inside ? (edges[cell + 1] - edges[cell]) / (axis == 0 ? window.down : window.across) : 0;
    }
    block.sync();
    const int row = block.thread() / tile;
    const int column = block.thread() % tile;
    for (int head = 0; head < count; ++head) {
      sum += shared.shares[head][0][row] * shared.shares[head][1][column];
    }
    block.sync();
  }
};

}  // namespace

int widen_points(View<const float, 2> points, View<double, 2> result, void* stream) {
  return launch(WidenPoints{}, points.numel(), stream, points, result);
}

int constant_sigmas(double sigma, View<double, 1> sigmas, void* stream) {
  return launch(FillSigma{}, sigmas.numel(), stream, sigma, sigmas);
}

int adaptive_sigmas(View<const double, 2> points, View<const int64_t, 1> batch, DensityGrid grid,
                    int64_t* workspace, View<double, 1> sigmas, void* stream) {
  const int error = congestion(points, batch, sigma_neighbours, workspace, sigmas, stream);
  if (error != 0) return error;
  return launch(AdaptSigma{}, sigmas.numel(), stream, grid, sigmas);
}

int64_t density_map_workspace(int64_t heads) {
  return heads * int64_t{sizeof(Window)} + chunks_of(heads) * int64_t{sizeof(ImageRange)};
}

// 1. A thread a head: where its window lies. 2. A block a tile of 16 x 16 cells: it passes through
// the chunks that have heads of its image, lists those whose windows reach the tile in order of
// index, and adds them, 32 at a time. The map is written once; the arithmetic in double (34 erf and
// 256 products for each head and tile) takes the time.
template <class Out>
int density_map(View<const double, 2> points, View<const int64_t, 1> batch,
                View<const double, 1> sigmas, DensityGrid grid, void* workspace, View<Out, 3> map,
                void* stream) {
  if (map.numel() == 0) return 0;
  const Workspace memory(workspace, points.size[0]);
  constexpr int64_t bytes = threads / warp_threads * int64_t{sizeof(ImageRange)};
  const int error = launch_blocks<threads>(PlaceHeads{}, chunks_of(points.size[0]), bytes, stream,
                                           points, batch, sigmas, grid, map.size[0], map.size[1],
                                           map.size[2], memory.windows, memory.images);
  if (error != 0) return error;
  const int64_t tiles = (map.size[1] + tile - 1) / tile * ((map.size[2] + tile - 1) / tile);
  return launch_blocks<threads>(SumTile<Out>{}, map.size[0] * tiles, sizeof(SharedTile), stream,
                                points, batch, sigmas, grid,
                                static_cast<const Window*>(memory.windows),
                                static_cast<const ImageRange*>(memory.images), map);
}

#define RAZ_INSTANTIATE(Out)                                                                     \
  template int density_map(View<const double, 2>, View<const int64_t, 1>, View<const double, 1>, \
                           DensityGrid, void*, View<Out, 3>, void*);
RAZ_DENSITY_MAP_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
