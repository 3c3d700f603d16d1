#include "cuda/launch.h"
#include "raz/integral_image_backward.h"

namespace raz::cuda {
namespace {

constexpr int band = integral_image_backward_band;
constexpr int columns = 256;  // of a tile, one a thread
constexpr int warps = columns / warp_threads;
constexpr int rows_of_warp = band / warps;
constexpr int run = columns / warp_threads;  // neighbours that a lane sums by itself

// A gap after every run, so that lanes that read their runs meet in no bank of shared memory.
constexpr int padded_columns = columns + columns / run;
RAZ_DEVICE constexpr int slot(int column) { return column + column / run; }

struct BandSums {
  template <class Grad>
  RAZ_DEVICE void operator()(int64_t index, View<const Grad, 3> grad, View<double, 3> sums) const {
    const int64_t x = index % sums.size[2];
    const int64_t i = index / sums.size[2] % sums.size[1];
    const int64_t b = index / sums.size[2] / sums.size[1];
    const int64_t top = i * band;
    const int64_t height = grad.size[1] - 1;
    const int64_t bottom = top + band < height ? top + band : height;
    double sum = 0;
    for (int64_t y = bottom - 1; y >= top; --y) sum += static_cast<double>(grad(b, y + 1, x + 1));
    sums(b, i, x) = sum;
  }
};

// The sum of every band becomes that of all bands below it.
struct SumsBelow {
  RAZ_DEVICE void operator()(int64_t index, View<double, 3> sums) const {
    const int64_t x = index % sums.size[2];
    const int64_t b = index / sums.size[2];
    double below = 0;
    for (int64_t i = sums.size[1] - 1; i >= 0; --i) {
      const double sum = sums(b, i, x);
      sums(b, i, x) = below;
      below += sum;
    }
  }
};

struct SumBand {
  template <class Grad, class Out>
  RAZ_DEVICE void operator()(const Block& block, View<const Grad, 3> grad, View<double, 3> below,
                             View<Out, 3> image_grad) const {
    // Backwards: the end of the batch was read last, so part of it is still in the cache.
    const int64_t unit = block.count() - 1 - block.index();
    const int64_t i = unit % below.size[1];
    const int64_t b = unit / below.size[1];
    const int64_t top = i * band;
    const int64_t rest = image_grad.size[1] - top;
    const int rows = rest < band ? static_cast<int>(rest) : band;
    const int64_t width = image_grad.size[2];
    auto* tile = block.shared<double>();
    double right[rows_of_warp] = {};  // what the rows of this warp sum to, right of the tile
    for (int64_t left = (width - 1) / columns * columns; left >= 0; left -= columns) {
      sum_columns(block, grad, below, b, i, top, rows, left, width, tile);
      block.sync();
      for (int k = 0; k < rows_of_warp; ++k) {
        const int row = block.warp() + k * warps;
        if (row >= rows) continue;
        sum_row(block, tile + row * padded_columns, right[k]);
        for (int column = block.lane(); column < columns; column += warp_threads) {
          if (left + column >= width) continue;
          image_grad(b, top + row, left + column) =
              static_cast<Out>(tile[row * padded_columns + slot(column)]);
        }
      }
      block.sync();
    }
  }

 private:
  // A thread a column: the sums of all entries below and in the tile's rows.
  template <class Grad>
  static RAZ_DEVICE void sum_columns(const Block& block, View<const Grad, 3> grad,
                                     View<double, 3> below, int64_t b, int64_t i, int64_t top,
                                     int rows, int64_t left, int64_t width, double* tile) {
    const int64_t x = left + block.thread();
    double* column = tile + slot(block.thread());
    if (x >= width) {
      for (int row = 0; row < rows; ++row) column[row * padded_columns] = 0;
      return;
    }
    Grad entries[band];
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int row = 0; row < band; ++row) {
      entries[row] = row < rows ? grad(b, top + row + 1, x + 1) : Grad{0};
    }
    double sum = below(b, i, x);
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int row = band - 1; row >= 0; --row) {
      if (row >= rows) continue;
      sum += static_cast<double>(entries[row]);
      column[row * padded_columns] = sum;
    }
  }

  // A warp a row: every entry becomes the sum of those from it to the end of the image.
  static RAZ_DEVICE void sum_row(const Block& block, double* row, double& right) {
    double* own = row + slot(block.lane() * run);
    double sum = 0;
    for (int k = run - 1; k >= 0; --k) {
      sum += own[k];
      own[k] = sum;
    }
    for (int lanes = 1; lanes < warp_threads; lanes *= 2) {
      const double other = block.shuffle_down(sum, lanes);
      if (block.lane() + lanes < warp_threads) sum += other;
    }
    const double next = block.shuffle_down(sum, 1);
    const double behind = right + (block.lane() == warp_threads - 1 ? 0 : next);
    for (int k = 0; k < run; ++k) own[k] += behind;
    right += block.shuffle(sum, 0);
    block.sync_warp();
  }
};

}  // namespace

// 1. Every band of rows is summed down to one row. 2. What lies below every band. 3. A block a
// band, tile by tile from the right: columns first, then rows. So grad is read twice, image_grad
// written once, and a sixteenth of a map of doubles written and read twice; a chain of blocks,
// which would read grad once, has as many links as the image has bands and takes longer.
template <class Grad, class Out>
int integral_image_backward(View<const Grad, 3> grad, View<Out, 3> image_grad,
                            View<double, 3> workspace, void* stream) {
  if (image_grad.numel() == 0) return 0;
  int error = launch(BandSums{}, workspace.numel(), stream, grad, workspace);
  if (error != 0) return error;
  error = launch(SumsBelow{}, workspace.size[0] * workspace.size[2], stream, workspace);
  if (error != 0) return error;
  constexpr int64_t bytes = int64_t{band} * padded_columns * int64_t{sizeof(double)};
  return launch_blocks<columns>(SumBand{}, workspace.size[0] * workspace.size[1], bytes, stream,
                                grad, workspace, image_grad);
}

#define RAZ_INSTANTIATE(Grad, Out) \
  template int integral_image_backward(View<const Grad, 3>, View<Out, 3>, View<double, 3>, void*);
RAZ_INTEGRAL_IMAGE_BACKWARD_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
