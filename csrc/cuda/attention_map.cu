#include <cmath>
#include <limits>

#include "cuda/head_chunks.h"
#include "cuda/rank_in_block.h"
#include "raz/attention_map.h"
#include "raz/density_axis.h"

namespace raz::cuda {
namespace {

constexpr int tile = 8;  // rows and columns of cells, one a thread
constexpr int threads = tile * tile;
constexpr int heads_held = 256;
constexpr int64_t pixels_in_turn = 512;  // the CPU measures columns from the start of as many
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Head {
  double x;
  double y;

  // Lowers the squared distance of a pixel that the head's square of pixels holds.
  RAZ_DEVICE void approach(int64_t row, int64_t column, int64_t reach, double& squared) const {
    const int64_t rows = row - static_cast<int64_t>(y);
    const int64_t columns = column - static_cast<int64_t>(x);
    if (rows < -reach || rows > reach || columns < -reach || columns > reach) return;
    const int64_t start = column / pixels_in_turn * pixels_in_turn;
    const double dy = static_cast<double>(row) + 0.5 - y;
    const double from_start = static_cast<double>(start) + 0.5 - x;
    const double dx = from_start + static_cast<double>(column - start);
    const double distance = dx * dx + dy * dy;
    squared = distance < squared ? distance : squared;
  }
};

// The marked heads: congestion below the limit, inside an image of the batch.
struct Marked {
  View<const double, 2> points;
  View<const int64_t, 1> batch;
  View<const double, 1> congestion;
  AttentionGrid grid;

  RAZ_DEVICE Head head(int64_t n) const { return {points(n, 0), points(n, 1)}; }

  RAZ_DEVICE bool holds(int64_t n, int64_t count) const {
    const int64_t b = image_of(batch, n);
    const Head at = head(n);
    // False for a NaN.
    const bool inside = 0 <= at.x && at.x <= static_cast<double>(grid.width) && 0 <= at.y &&
                        at.y <= static_cast<double>(grid.height);
    const double crowded = congestion.data == nullptr ? 0 : congestion(n);
    return inside && 0 <= b && b < count && crowded < grid.limit;
  }
};

struct FindImages {
  RAZ_DEVICE void operator()(const Block& block, Marked marked, int64_t count,
                             ImageRange* images) const {
    const int64_t n = block.index() * heads_of_chunk + block.thread();
    ImageRange own = no_images;
    if (n < marked.points.size[0] && marked.holds(n, count)) {
      own = {image_of(marked.batch, n), image_of(marked.batch, n)};
    }
    own = range_in_block(block, own, block.shared<ImageRange>());
    if (block.thread() == 0) images[block.index()] = own;
  }
};

struct SharedHeads {
  Head heads[heads_held];
  int32_t counts[threads / warp_threads];
};

// Pixels of an image: rows [top, bottom), columns [left, right).
struct Pixels {
  int64_t top;
  int64_t bottom;
  int64_t left;
  int64_t right;
};

struct AverageCells {
  RAZ_DEVICE void operator()(const Block& block, Marked marked, int64_t reach,
                             const ImageRange* images, View<double, 3> map) const {
    const AttentionGrid& grid = marked.grid;
    const auto index = static_cast<uint32_t>(block.index());
    const auto across = static_cast<uint32_t>((map.size[2] + tile - 1) / tile);
    const auto down = static_cast<uint32_t>((map.size[1] + tile - 1) / tile);
    const int64_t j = int64_t{index % across} * tile;
    const int64_t i = int64_t{index / across % down} * tile;
    const int64_t b = index / across / down;
    const Pixels of_tile{i * grid.stride, (i + tile) * grid.stride, j * grid.stride,
                         (j + tile) * grid.stride};
    auto& shared = *block.shared<SharedHeads>();
    const int64_t found = list_heads(block, marked, reach, images, of_tile, b, map.size[0], shared);

    const int64_t row = i + block.thread() / tile;
    const int64_t column = j + block.thread() % tile;
    if (row >= map.size[1] || column >= map.size[2]) return;
    const int64_t bottom = (row + 1) * grid.stride;
    const int64_t right = (column + 1) * grid.stride;
    const Pixels pixels{row * grid.stride, bottom < grid.height ? bottom : grid.height,
                        column * grid.stride, right < grid.width ? right : grid.width};
    double sum = 0;
    for (int64_t y = pixels.top; y < pixels.bottom; ++y) {
      for (int64_t x = pixels.left; x < pixels.right; ++x) {
        double squared = infinity;
        if (found <= heads_held) {
          for (int k = 0; k < found; ++k) shared.heads[k].approach(y, x, reach, squared);
        } else {
          approach_all(marked, reach, images, b, map.size[0], y, x, squared);
        }
        if (squared < infinity) sum += gaussian(squared, grid.sigma);
      }
    }
    const auto area =
        static_cast<double>((pixels.bottom - pixels.top) * (pixels.right - pixels.left));
    map(b, row, column) = sum / area;
  }

 private:
  // The distance is divided, not its square: sigma may be so small that its square is 0.
  static RAZ_DEVICE double gaussian(double squared, double sigma) {
    const double z = std::sqrt(squared) / sigma;
    return std::exp(-0.5 * z * z);
  }

  // The marked heads whose squares reach the tile, as many as there is room for; returns how many
  // there are.
  static RAZ_DEVICE int64_t list_heads(const Block& block, const Marked& marked, int64_t reach,
                                       const ImageRange* images, const Pixels& of_tile, int64_t b,
                                       int64_t count, SharedHeads& shared) {
    const int64_t heads = marked.points.size[0];
    int64_t found = 0;
    for (int64_t chunk = 0; chunk * heads_of_chunk < heads; ++chunk) {
      if (!images[chunk].meets({b, b})) continue;  // the whole block
      for (int part = 0; part < heads_of_chunk; part += threads) {
        const int64_t n = chunk * heads_of_chunk + part + block.thread();
        bool reaches = n < heads && image_of(marked.batch, n) == b && marked.holds(n, count);
        if (reaches) {
          const auto x = static_cast<int64_t>(marked.head(n).x);
          const auto y = static_cast<int64_t>(marked.head(n).y);
          reaches = of_tile.top <= y + reach && y - reach < of_tile.bottom &&
                    of_tile.left <= x + reach && x - reach < of_tile.right;
        }
        const Rank rank = rank_in_block(block, reaches, shared.counts);
        if (reaches && found + rank.rank < heads_held) {
          shared.heads[found + rank.rank] = marked.head(n);
        }
        found += rank.total;
      }
    }
    block.sync();
    return found;
  }

  // Where there are too many to list.
  static RAZ_DEVICE void approach_all(const Marked& marked, int64_t reach, const ImageRange* images,
                                      int64_t b, int64_t count, int64_t y, int64_t x,
                                      double& squared) {
    for (int64_t n = 0; n < marked.points.size[0]; ++n) {
      if (!images[n / heads_of_chunk].meets({b, b})) continue;
      if (image_of(marked.batch, n) != b || !marked.holds(n, count)) continue;
      marked.head(n).approach(y, x, reach, squared);
    }
  }
};

}  // namespace

// 1. The images of every chunk. 2. A block a tile of 8 x 8 cells: it lists the marked heads that
// reach the tile, and every thread looks for the nearest to each pixel of its cell. The map is
// written once; time grows with the pixels times the heads listed.
int attention_map(View<const double, 2> points, View<const int64_t, 1> batch,
                  View<const double, 1> congestion, AttentionGrid grid, int64_t* workspace,
                  View<double, 3> map, void* stream) {
  if (map.numel() == 0) return 0;
  const int64_t longest = grid.height > grid.width ? grid.height : grid.width;
  if (grid.stride > longest) grid.stride = longest;  // one cell all the same
  const Marked marked{points, batch, congestion, grid};
  auto* images = reinterpret_cast<ImageRange*>(workspace);
  constexpr int64_t bytes = heads_of_chunk / warp_threads * int64_t{sizeof(ImageRange)};
  const int error = launch_blocks<heads_of_chunk>(FindImages{}, chunks_of(points.size[0]), bytes,
                                                  stream, marked, map.size[0], images);
  if (error != 0) return error;
  const double wanted = std::ceil(4 * grid.sigma);
  const int64_t reach =
      wanted < static_cast<double>(longest) ? static_cast<int64_t>(wanted) : longest;
  const int64_t tiles = (map.size[1] + tile - 1) / tile * ((map.size[2] + tile - 1) / tile);
  return launch_blocks<threads>(AverageCells{}, map.size[0] * tiles, sizeof(SharedHeads), stream,
                                marked, reach, static_cast<const ImageRange*>(images), map);
}

}  // namespace raz::cuda
