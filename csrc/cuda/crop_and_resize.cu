#include "cuda/launch.h"
#include "raz/bilinear.h"
#include "raz/crop_and_resize.h"

namespace raz::cuda {
namespace {

constexpr int threads = 256;
constexpr int64_t tile_rows = 64;
constexpr int64_t tile_columns = 128;
constexpr int strip_rows = 8;
template <class Out>
constexpr int unit_columns = 16 / sizeof(Out);
constexpr int64_t byte_channels = 4;  // of a tile, whose tables shared memory holds

RAZ_DEVICE int least(int64_t a, int64_t b) { return static_cast<int>(a < b ? a : b); }

constexpr int64_t parts(int64_t count, int64_t size) { return (count + size - 1) / size; }

// What is cut into what. A tile is a piece of a crop in some channels, for one block; a unit is
// 16 bytes' worth of columns of a strip of the tile's rows in one channel, for one thread.
struct Tiling {
  int64_t channels;  // of a tile
  int64_t row_tiles;
  int64_t column_tiles;
  int64_t channel_tiles;
  int64_t tiles;    // of all crops
  bool neighbours;  // The columns of a unit lie side by side, and 16 bytes of them are aligned.
};

template <class Out>
struct Tile {
  int64_t crop;
  int64_t channel;
  int64_t top;
  int64_t left;
  int channels;
  int height;
  int width;

  // size: of the result.
  RAZ_DEVICE Tile(const Tiling& tiling, int64_t index, const int64_t (&size)[4])
      : crop(index / tiling.column_tiles / tiling.row_tiles / tiling.channel_tiles),
        channel(index / tiling.column_tiles / tiling.row_tiles % tiling.channel_tiles *
                tiling.channels),
        top(index / tiling.column_tiles % tiling.row_tiles * tile_rows),
        left(index % tiling.column_tiles * tile_columns),
        channels(least(tiling.channels, size[1] - channel)),
        height(least(tile_rows, size[2] - top)),
        width(least(tile_columns, size[3] - left)) {}

  RAZ_DEVICE int groups() const { return (width + unit_columns<Out> - 1) / unit_columns<Out>; }
  RAZ_DEVICE int strips() const { return (height + strip_rows - 1) / strip_rows; }
  RAZ_DEVICE int units() const { return groups() * strips() * channels; }
};

// Sample of one axis, as bilinear.h says.
template <class Out>
struct Position {
  int64_t first;
  int64_t second;
  Out weight;
};

template <class Out>
RAZ_DEVICE Position<Out> position(double low, double high, int64_t j, int64_t n, int64_t length) {
  const Sample at = sample_axis(low, high, j, n, length);
  return {at.first, at.second, static_cast<Out>(at.weight)};
}

// One channel of an image. The values of bytes are worked out once for a tile: 256 in shared memory
// take the place of two divisions a pixel.
template <class In, class Out>
struct Channel {
  static constexpr bool bytes = std::is_same_v<In, uint8_t>;

  const In* pixels;
  int64_t row_step;
  const Normalization<Out>& normalize;
  int64_t index;
  const Out* table;

  // Side by side, so that what is asked of the channel is asked once.
  template <int count>
  RAZ_DEVICE void values(const In (&pixels)[count], Out (&result)[count]) const {
    for (int i = 0; i < count; ++i) {
      result[i] = bytes ? table[static_cast<int>(pixels[i])] : static_cast<Out>(pixels[i]);
    }
    if (bytes) return;
    if (normalize.mean.data != nullptr) {
      const Out mean = normalize.mean(index);
      for (int i = 0; i < count; ++i) result[i] -= mean;
    }
    if (normalize.std.data != nullptr) {
      const Out std = normalize.std(index);
      for (int i = 0; i < count; ++i) result[i] /= std;
    }
  }
};

// The columns of a unit: where its pixels lie in a row of the image.
template <class Out>
struct Columns {
  int64_t first[unit_columns<Out>];
  int64_t second[unit_columns<Out>];
  Out weight[unit_columns<Out>];

  RAZ_DEVICE void set(int i, const Position<Out>& at, int64_t step) {
    first[i] = at.first * step;
    second[i] = at.second * step;
    weight[i] = at.weight;
  }
};

// One row of the image, mixed at the columns of a unit.
template <class Out>
struct MixedRow {
  int64_t y = -1;
  Out values[unit_columns<Out>];

  template <class In>
  RAZ_DEVICE void mix_along(const Channel<In, Out>& channel, int64_t row,
                            const Columns<Out>& columns) {
    y = row;
    const In* pixels = channel.pixels + row * channel.row_step;
    In read[2 * unit_columns<Out>];
    Out value[2 * unit_columns<Out>];
    for (int i = 0; i < unit_columns<Out>; ++i) {
      read[2 * i] = pixels[columns.first[i]];
      read[2 * i + 1] = pixels[columns.second[i]];
    }
    channel.values(read, value);
    for (int i = 0; i < unit_columns<Out>; ++i) {
      values[i] = mix(value[2 * i], value[2 * i + 1], columns.weight[i]);
    }
  }
};

template <class Out>
struct alignas(16) Aligned {
  Out values[unit_columns<Out>];
};

// Where a unit's values go.
template <class Out>
struct Unit {
  int column;  // of the tile, the first; the others follow, `step` apart
  int step;
  int inside;  // how many of them the tile has
  bool neighbours;
  int64_t to_next;
  int64_t to_row;
  Out* data;

  RAZ_DEVICE Unit(const View<Out, 4>& result, const Tile<Out>& tile, int group, int y, int channel,
                  bool neighbours)
      : column(neighbours ? group * unit_columns<Out> : group),
        step(neighbours ? 1 : tile.groups()),
        inside((tile.width - column + step - 1) / step),
        neighbours(neighbours),
        to_next(step * result.stride[3]),
        to_row(result.stride[2]),
        data(&result(tile.crop, tile.channel + channel, tile.top + y, tile.left + column)) {}

  RAZ_DEVICE void write(int row, const Out (&values)[unit_columns<Out>]) const {
    Out* to = data + row * to_row;
    if (neighbours) {
      Aligned<Out> pack;
      for (int i = 0; i < unit_columns<Out>; ++i) pack.values[i] = values[i];
      *reinterpret_cast<Aligned<Out>*>(to) = pack;
      return;
    }
    for (int i = 0; i < unit_columns<Out>; ++i) {
      if (i < inside) to[i * to_next] = values[i];
    }
  }

  RAZ_DEVICE void clear(int rows) const {
    const Out zeros[unit_columns<Out>] = {};
    for (int row = 0; row < rows; ++row) write(row, zeros);
  }
};

// A row of the image that rows of the crop have in common is read and mixed once.
template <class In, class Out>
RAZ_DEVICE void walk_down(const Channel<In, Out>& source, const Columns<Out>& columns,
                          const Position<Out>* rows, int count, const Unit<Out>& unit) {
  MixedRow<Out> top;
  MixedRow<Out> bottom;
  for (int i = 0; i < count; ++i) {
    const Position<Out> y = rows[i];
    if (y.second == top.y) {
      bottom = top;
    } else if (y.first == bottom.y) {
      top = bottom;
    }
    while (y.first != top.y || y.second != bottom.y) {
      MixedRow<Out> row;
      row.mix_along(source, y.first != top.y ? y.first : y.second, columns);
      if (row.y == y.first) top = row;
      if (row.y == y.second) bottom = row;
    }
    Out values[unit_columns<Out>];
    for (int j = 0; j < unit_columns<Out>; ++j) {
      values[j] = mix(top.values[j], bottom.values[j], y.weight);
    }
    unit.write(i, values);
  }
}

// Shared memory of a block.
template <class In, class Out>
struct Samples {
  static constexpr int table_values = Channel<In, Out>::bytes ? 256 : 0;

  Position<Out>* columns;
  Position<Out>* rows;
  Out* tables;  // of the tile's channels

  static constexpr int64_t bytes(int64_t channels) {
    return (tile_columns + tile_rows) * sizeof(Position<Out>) +
           channels * table_values * sizeof(Out);
  }

  RAZ_DEVICE explicit Samples(const Block& block)
      : columns(block.shared<Position<Out>>()),
        rows(columns + tile_columns),
        tables(reinterpret_cast<Out*>(rows + tile_rows)) {}
};

struct CropTile {
  template <class In, class Out>
  RAZ_DEVICE void operator()(const Block& block, View<const In, 4> images, Crops crops,
                             Normalization<Out> normalize, View<Out, 4> result, Tiling tiling,
                             int64_t first) const {
    using Shared = Samples<In, Out>;
    const Shared shared(block);
    const Tile<Out> tile(tiling, first + block.index(), result.size);
    const bool readable = crops.readable(tile.crop, images);
    if (readable) place(block, tile, images, crops, normalize, result, shared);
    block.sync();
    for (int n = block.thread(); n < tile.units(); n += threads) {
      const int group = n % tile.groups();
      const int strip = n / tile.groups() % tile.strips();
      const int channel = n / tile.groups() / tile.strips();
      const int y = strip * strip_rows;
      const int count = least(strip_rows, tile.height - y);
      const Unit<Out> unit(result, tile, group, y, channel, tiling.neighbours);
      if (!readable) {
        unit.clear(count);
        continue;
      }
      Columns<Out> columns;
      for (int i = 0; i < unit_columns<Out>; ++i) {
        const int column = least(unit.column + i * unit.step, tile.width - 1);
        columns.set(i, shared.columns[column], images.stride[3]);
      }
      const int64_t c = tile.channel + channel;
      const Channel<In, Out> source{&images(crops.batch(tile.crop), c, 0, 0), images.stride[2],
                                    normalize, c, shared.tables + channel * Shared::table_values};
      walk_down(source, columns, shared.rows + y, count, unit);
    }
  }

 private:
  template <class In, class Out>
  RAZ_DEVICE static void place(const Block& block, const Tile<Out>& tile,
                               const View<const In, 4>& images, const Crops& crops,
                               const Normalization<Out>& normalize, const View<Out, 4>& result,
                               const Samples<In, Out>& shared) {
    const auto edge = [&](int n) { return crops.boxes(tile.crop, n); };
    for (int i = block.thread(); i < tile.width + tile.height; i += threads) {
      if (i < tile.width) {
        shared.columns[i] =
            position<Out>(edge(0), edge(2), tile.left + i, result.size[3], images.size[3]);
      } else {
        const int y = i - tile.width;
        shared.rows[y] =
            position<Out>(edge(1), edge(3), tile.top + y, result.size[2], images.size[2]);
      }
    }
    for (int i = block.thread(); i < tile.channels * Samples<In, Out>::table_values; i += threads) {
      shared.tables[i] =
          normalize(pixel_value<Out>(static_cast<In>(i % 256)), tile.channel + i / 256);
    }
  }
};

template <class Out>
bool has_aligned_rows(const View<Out, 4>& result) {
  const auto aligned = [](int64_t step) { return step % unit_columns<Out> == 0; };
  return result.stride[3] == 1 && aligned(result.size[3]) && aligned(result.stride[0]) &&
         aligned(result.stride[1]) && aligned(result.stride[2]) &&
         reinterpret_cast<uintptr_t>(result.data) % 16 == 0;
}

}  // namespace

// Every value of the result is written once: by lanes of a warp side by side, 16 bytes each where
// rows are aligned, else 4 or 8. Of the image, what a strip of rows looks at is read once by each
// strip, twice where columns share a pixel; the caches hold that. Where the rows and columns sample
// the image is worked out once for each tile.
template <class In, class Out>
int crop_and_resize(View<const In, 4> images, Crops crops, Normalization<Out> normalize,
                    View<Out, 4> result, void* stream) {
  if (result.numel() == 0) return 0;
  constexpr int64_t most_blocks = (int64_t{1} << 31) - 1;
  const auto inside = [](int64_t size, int64_t most) { return size < most ? size : most; };
  const int64_t units = parts(inside(result.size[3], tile_columns), unit_columns<Out>) *
                        parts(inside(result.size[2], tile_rows), strip_rows);
  Tiling tiling{};
  const int64_t shared_channels = Channel<In, Out>::bytes ? byte_channels : threads;
  tiling.channels = inside(parts(threads, units), shared_channels);
  tiling.row_tiles = parts(result.size[2], tile_rows);
  tiling.column_tiles = parts(result.size[3], tile_columns);
  tiling.channel_tiles = parts(result.size[1], tiling.channels);
  tiling.tiles = result.size[0] * tiling.channel_tiles * tiling.row_tiles * tiling.column_tiles;
  tiling.neighbours = has_aligned_rows(result);
  for (int64_t first = 0; first < tiling.tiles; first += most_blocks) {
    const int error = launch_blocks<threads>(CropTile{}, inside(tiling.tiles - first, most_blocks),
                                             Samples<In, Out>::bytes(tiling.channels), stream,
                                             images, crops, normalize, result, tiling, first);
    if (error != 0) return error;
  }
  return 0;
}

#define RAZ_INSTANTIATE(In, Out) \
  template int crop_and_resize(View<const In, 4>, Crops, Normalization<Out>, View<Out, 4>, void*);
RAZ_CROP_AND_RESIZE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
