#include <type_traits>

#include "cuda/launch.h"
#include "raz/integral_image.h"

// One pass: every pixel is read once and every entry written once, whatever else is moved is 8
// bytes in 8 KiB of pixels and, for tables that are narrower than their sums, 16 bytes a column in
// 32 rows. A block sums a tile by itself. Two chains through global memory then add what lies left
// of it and above it, tile after tile, so the order of additions is always the same. A tile takes
// its number from a counter and waits for lower numbers alone, whose blocks have begun by then.
namespace raz::cuda {
namespace {

constexpr int64_t tile_rows =
    32;  // as many as a warp has lanes: they change places in shared memory
constexpr int64_t warps = 4;
constexpr int64_t tile_columns = warps * warp_threads;
constexpr int64_t pitch = warp_threads + 1;  // neighbours in a column lie in different banks

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Integers wrap; of unsigned ones that is defined.
template <class In>
using Sum = std::conditional_t<std::is_floating_point_v<In>, double, uint64_t>;

struct Tiles {
  int64_t bands;    // of 32 rows
  int64_t strips;   // of 128 columns
  int64_t columns;  // of 32 columns
  int64_t images;

  Tiles(int64_t batch, int64_t height, int64_t width)
      : bands(ceil_div(height, tile_rows)),
        strips(ceil_div(width, tile_columns)),
        columns(ceil_div(width, warp_threads)),
        images(batch) {}

  int64_t count() const { return images * bands * strips; }
};

// What tiles tell each other. A flag is set when the numbers are there.
template <class Sum>
struct Chains {
  Tiles tiles;
  uint64_t* ticket;
  View<uint32_t, 3> left_told;   // [B, bands, strips]
  View<uint32_t, 3> above_told;  // [B, bands, columns]
  View<Sum, 4> left;   // [B, bands, strips, 32]: of a band's rows from its first on, up to
                       // the right edge of the tile
  View<Sum, 3> above;  // [B, bands, W]: the last entries of every band, before rounding
};

struct SumTile {
  static constexpr int64_t shared_bytes =
      8 * (warps * tile_rows * pitch + 2 * warps * tile_rows + 1);

  template <class In, class Out, class Sum>
  RAZ_DEVICE void operator()(const Block& block, View<const In, 3> image, View<Out, 3> table,
                             Chains<Sum> chains, bool again) const {
    auto* ticket = block.shared<uint64_t>();
    do {
      if (block.thread() == 0) *ticket = atomic_add(chains.ticket, uint64_t{1});
      block.sync();
      const auto number = static_cast<int64_t>(*ticket);
      if (number >= chains.tiles.images * chains.tiles.bands * chains.tiles.strips) return;
      sum_tile(block, image, table, chains, number);
      if (again) block.sync();
    } while (again);
  }

  template <class In, class Out, class Sum>
  RAZ_DEVICE static void sum_tile(const Block& block, const View<const In, 3>& image,
                                  const View<Out, 3>& table, const Chains<Sum>& chains,
                                  int64_t number) {
    // Bands come first in the order, so that the chains of all images advance together.
    const int64_t strip = number % chains.tiles.strips;
    const int64_t b = number / chains.tiles.strips % chains.tiles.images;
    const int64_t band = number / chains.tiles.strips / chains.tiles.images;
    const int64_t lane = block.lane();
    const int64_t warp = block.warp();
    const int64_t y_begin = band * tile_rows;
    const int64_t height = image.size[1];
    const int64_t rows = height - y_begin < tile_rows ? height - y_begin : tile_rows;
    const int64_t x = strip * tile_columns + block.thread();

    Sum* sums = block.shared<Sum>() + 1 + warp * tile_rows * pitch;
    Sum* totals = block.shared<Sum>() + 1 + warps * tile_rows * pitch;
    Sum* before = totals + warps * tile_rows;
    sum_columns(image, b, y_begin, rows, x, sums + lane);
    block.sync_warp();
    totals[warp * tile_rows + lane] = sum_row(sums + lane * pitch);
    block.sync();
    if (warp == 0) pass_right(block, chains, b, band, strip, totals, before);
    block.sync();
    write(block, table, chains, b, band, rows, x, sums + lane, before + warp * tile_rows);
    if (x < image.size[2] && band == 0) table(b, 0, x + 1) = Out{0};
    if (strip == 0 && warp == 0) {
      if (lane < rows) table(b, y_begin + lane + 1, 0) = Out{0};
      if (lane == 0 && band == 0) table(b, 0, 0) = Out{0};
    }
  }

  // Running sums down a column. A warp reads 32 neighbours of each row.
  template <class In, class Sum>
  RAZ_DEVICE static void sum_columns(const View<const In, 3>& image, int64_t b, int64_t y_begin,
                                     int64_t rows, int64_t x, Sum* sums) {
    constexpr int in_flight = 16;
    const In* from = image.data + b * image.stride[0] + y_begin * image.stride[1] +
                     (x < image.size[2] ? x : 0) * image.stride[2];
    Sum sum{0};
    for (int first = 0; first < tile_rows; first += in_flight) {
      In pixels[in_flight];
#pragma unroll
      for (int i = 0; i < in_flight; ++i) {
        pixels[i] = In{0};
        if (first + i < rows && x < image.size[2]) pixels[i] = from[(first + i) * image.stride[1]];
      }
#pragma unroll
      for (int i = 0; i < in_flight; ++i) {
        sum += static_cast<Sum>(pixels[i]);
        sums[(first + i) * pitch] = sum;
      }
    }
  }

  // Running sums along a row of the warp's 32 columns, in place; returns the last.
  template <class Sum>
  RAZ_DEVICE static Sum sum_row(Sum* sums) {
    Sum sum{0};
#pragma unroll 8
    for (int x = 0; x < warp_threads; ++x) {
      sum += sums[x];
      sums[x] = sum;
    }
    return sum;
  }

  // A lane a row: adds the warps' totals to what the tile on the left tells, and tells the next
  // one.
  template <class Sum>
  RAZ_DEVICE static void pass_right(const Block& block, const Chains<Sum>& chains, int64_t b,
                                    int64_t band, int64_t strip, const Sum* totals, Sum* before) {
    const int lane = block.lane();
    Sum sum{0};
    if (strip > 0) {
      wait(block, &chains.left_told(b, band, strip - 1));
      sum = chains.left(b, band, strip - 1, lane);
    }
    for (int w = 0; w < warps; ++w) {
      before[w * tile_rows + lane] = sum;
      sum += totals[w * tile_rows + lane];
    }
    chains.left(b, band, strip, lane) = sum;
    tell(block, &chains.left_told(b, band, strip));
  }

  // A lane a column, the last row first: the band below waits for it.
  template <class Out, class Sum>
  RAZ_DEVICE static void write(const Block& block, const View<Out, 3>& table,
                               const Chains<Sum>& chains, int64_t b, int64_t band, int64_t rows,
                               int64_t x, const Sum* sums, const Sum* before) {
    constexpr bool rounded = std::is_same_v<Out, float>;
    const int64_t width = table.size[2] - 1;
    const int64_t column = x / warp_threads;
    const int64_t y_begin = band * tile_rows;
    if (column * warp_threads >= width) return;  // the whole warp
    Sum above{0};
    if (band > 0) {
      wait(block, &chains.above_told(b, band - 1, column));
      if (x < width) {
        if constexpr (rounded) {
          above = chains.above(b, band - 1, x);
        } else {
          above = table(b, y_begin, x + 1);
        }
      }
    }
    const auto entry = [&](int64_t y) { return above + (before[y] + sums[y * pitch]); };
    if (rows == tile_rows) {
      const Sum last = entry(tile_rows - 1);
      if (x < width) {
        table(b, y_begin + tile_rows, x + 1) = static_cast<Out>(last);
        if constexpr (rounded) chains.above(b, band, x) = last;
      }
      tell(block, &chains.above_told(b, band, column));
    }
    if (x >= width) return;
    Out* out = &table(b, y_begin + 1, x + 1);
    const int64_t left = rows == tile_rows ? rows - 1 : rows;
#pragma unroll 8
    for (int64_t y = 0; y < left; ++y) out[y * table.stride[1]] = static_cast<Out>(entry(y));
  }

  RAZ_DEVICE static void wait(const Block& block, const uint32_t* told) {
    if (block.lane() == 0) {
      while (load_acquire(told) == 0) {
      }
    }
    block.sync_warp();
  }

  RAZ_DEVICE static void tell(const Block& block, uint32_t* told) {
    block.sync_warp();
    if (block.lane() != 0) return;
    thread_fence();
    store_release(told, uint32_t{1});
  }
};

struct Clear {
  template <class T>
  RAZ_DEVICE void operator()(int64_t index, T* words) const {
    words[index] = T{0};
  }
};

// The parts of a workspace, one behind the other.
template <class Sum>
Chains<Sum> chains_in(int64_t* workspace, const Tiles& tiles, int64_t width, int64_t* cleared) {
  const auto ticket = reinterpret_cast<uint64_t*>(workspace);
  const auto left_told = reinterpret_cast<uint32_t*>(workspace + 1);
  uint32_t* above_told = left_told + tiles.images * tiles.bands * tiles.strips;
  const int64_t flags = tiles.images * tiles.bands * (tiles.strips + tiles.columns);
  *cleared = 1 + ceil_div(flags, 2);
  const auto left = reinterpret_cast<Sum*>(workspace + *cleared);
  Sum* above = left + tiles.count() * tile_rows;
  return {tiles,
          ticket,
          contiguous_view(left_told, tiles.images, tiles.bands, tiles.strips),
          contiguous_view(above_told, tiles.images, tiles.bands, tiles.columns),
          contiguous_view(left, tiles.images, tiles.bands, tiles.strips, tile_rows),
          contiguous_view(above, tiles.images, tiles.bands, width)};
}

}  // namespace

int64_t integral_image_workspace(int64_t batch, int64_t height, int64_t width, bool rounded) {
  const Tiles tiles(batch, height, width);
  const int64_t flags = batch * tiles.bands * (tiles.strips + tiles.columns);
  return 1 + ceil_div(flags, 2) + tiles.count() * tile_rows +
         (rounded ? batch * tiles.bands * width : 0);
}

template <class In, class Out>
int integral_image(View<const In, 3> image, View<Out, 3> table, int64_t* workspace, void* stream) {
  if (image.numel() == 0) return launch(Clear{}, table.numel(), stream, table.data);
  const Tiles tiles(image.size[0], image.size[1], image.size[2]);
  int64_t cleared = 0;
  const auto chains = chains_in<Sum<In>>(workspace, tiles, image.size[2], &cleared);
  const int error = launch(Clear{}, cleared, stream, workspace);
  if (error != 0) return error;
  constexpr int64_t most_blocks = int64_t{1} << 30;
  const bool again = tiles.count() > most_blocks;
  return launch_blocks<tile_columns>(SumTile{}, again ? most_blocks : tiles.count(),
                                     SumTile::shared_bytes, stream, image, table, chains, again);
}

#define RAZ_INSTANTIATE(In, Out) \
  template int integral_image(View<const In, 3>, View<Out, 3>, int64_t*, void*);
RAZ_INTEGRAL_IMAGE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
