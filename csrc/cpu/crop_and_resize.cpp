#include "raz/crop_and_resize.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "cpu/for_each_instruction_set.h"
#include "raz/bilinear.h"
#if RAZ_X86_KERNELS
#include <immintrin.h>
#endif

#define RAZ_KERNEL_FILE "cpu/crop_and_resize_rows.inc"
#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {
namespace {

constexpr int64_t tile = 512;         // columns whose buffers fit the stack and the L1 cache
constexpr int64_t most_channels = 4;  // that are made together: their pixels may lie side by side
constexpr int64_t cached_bytes = int64_t{1} << 25;  // larger results are written past the caches
constexpr int64_t vector_slack = 16;  // values that a vector may read past those it uses

// The columns of a tile in terms of a row buffer: column j lies between values index[j] and
// index[j] + 1. The buffer holds a piece of the image's row, one pixel for each value, or, where
// that would be longer (the crop is much smaller than its box), two pixels for each column.
template <class Out>
struct Columns {
  int64_t count;
  int64_t length;  // values in the buffer
  int64_t first;   // the piece: pixel of value 0; the last is repeated once
  int64_t last;
  bool piece;
  bool near;                // index rises, by less than any vector's lanes within its columns
  int64_t pixel[2 * tile];  // where not a piece
  int32_t index[tile];
  Out weight[tile];
};

template <class Out>
void place_columns(double low, double high, int64_t begin, int64_t count, int64_t width,
                   int64_t length, Columns<Out>& columns) {
  Sample samples[tile];
  columns.count = count;
  columns.first = length;
  columns.last = 0;
  for (int64_t j = 0; j < count; ++j) {
    samples[j] = sample_axis(low, high, begin + j, width, length);
    columns.first = std::min(columns.first, samples[j].first);
    columns.last = std::max(columns.last, samples[j].second);
    columns.weight[j] = static_cast<Out>(samples[j].weight);
  }
  columns.piece = columns.last - columns.first + 2 <= 2 * tile;
  columns.length = columns.piece ? columns.last - columns.first + 2 : 2 * count;
  columns.near = columns.piece;
  for (int64_t j = 0; j < count; ++j) {
    if (columns.piece) {
      columns.index[j] = static_cast<int32_t>(samples[j].first - columns.first);
    } else {
      columns.index[j] = static_cast<int32_t>(2 * j);
      columns.pixel[2 * j] = samples[j].first;
      columns.pixel[2 * j + 1] = samples[j].second;
    }
    // Rising by at most one pixel a column, no vector of columns spans more pixels than lanes.
    const int32_t rise = j == 0 ? 0 : columns.index[j] - columns.index[j - 1];
    columns.near = columns.near && (rise == 0 || rise == 1);
  }
}

// One channel of one image, and how its pixels become values.
template <class In, class Out>
struct Channel {
  static constexpr bool bytes = std::is_same_v<In, uint8_t>;

  void set(View<const In, 4> images, const Normalization<Out>& normalize, int64_t b,
           int64_t channel, InstructionSet set) {
    pixels = {&images(b, channel, 0, 0),
              {images.size[2], images.size[3]},
              {images.stride[2], images.stride[3]}};
    mean = normalize.mean.data ? &normalize.mean(channel) : nullptr;
    std = normalize.std.data ? &normalize.std(channel) : nullptr;
    if constexpr (bytes) {
      for (int64_t v = 0; v < 256; ++v) table[v] = static_cast<Out>(v);
      RAZ_FOR_INSTRUCTION_SET(set, normalize_row<Out>)(table, 256, true, mean, std);
    }
  }

  Out value(In pixel) const {
    if constexpr (bytes) return table[pixel];
    return static_cast<Out>(pixel);
  }

  View<const In, 2> pixels;
  const Out* mean;
  const Out* std;
  Out table[bytes ? 256 : 1];  // the value of every byte
};

template <class In, class Out>
void read_row(const Channel<In, Out>& channel, int64_t y, const Columns<Out>& columns,
              InstructionSet set, Out* __restrict values) {
  const int64_t step = channel.pixels.stride[1];
  const In* row = &channel.pixels(y, 0);
  if (columns.piece) {
    const int64_t count = columns.last - columns.first + 1;
    const In* in = row + columns.first * step;
    if (step == 1) {
      for (int64_t i = 0; i < count; ++i) values[i] = channel.value(in[i]);
    } else {
      for (int64_t i = 0; i < count; ++i) values[i] = channel.value(in[i * step]);
    }
    values[count] = values[count - 1];
  } else {
    for (int64_t i = 0; i < columns.length; ++i) {
      values[i] = channel.value(row[columns.pixel[i] * step]);
    }
  }
  if (!Channel<In, Out>::bytes && (channel.mean != nullptr || channel.std != nullptr)) {
    RAZ_FOR_INSTRUCTION_SET(set, normalize_row<Out>)
    (values, columns.length, false, channel.mean, channel.std);
  }
}

// The last two rows of the image that were mixed along x.
template <class Out>
struct MixedRows {
  int64_t y[2] = {-1, -1};
  Out values[2][tile];
};

// The mixed row y, made unless it is there; the row `kept` stays.
template <class In, class Out>
const Out* mixed_row(const Channel<In, Out>& channel, int64_t y, int64_t kept,
                     const Columns<Out>& columns, InstructionSet set, MixedRows<Out>& rows) {
  for (const int slot : {0, 1}) {
    if (rows.y[slot] == y) return rows.values[slot];
  }
  const int slot = rows.y[0] == kept ? 1 : 0;
  Out values[2 * tile + vector_slack];
  std::fill_n(values + columns.length, vector_slack, Out{0});
  read_row(channel, y, columns, set, values);
  RAZ_FOR_INSTRUCTION_SET(set, mix_along<Out>)
  (values, columns.index, columns.weight, columns.count, columns.near, rows.values[slot]);
  rows.y[slot] = y;
  return rows.values[slot];
}

// Some channels of one crop.
struct Part {
  int64_t crop;
  int64_t channel;
  int64_t channels;  // at most most_channels
};

// Rows [y_begin, y_end) of a part.
template <class In, class Out>
void resize_rows(View<const In, 4> images, const Crops& crops, const Normalization<Out>& normalize,
                 const Part& part, int64_t y_begin, int64_t y_end, const View<Out, 4>& result,
                 bool stream, InstructionSet set) {
  const int64_t width = result.size[3];
  Channel<In, Out> sources[most_channels];
  for (int64_t c = 0; c < part.channels; ++c) {
    sources[c].set(images, normalize, crops.batch(part.crop), part.channel + c, set);
  }
  const auto edge = [&](int64_t n) { return crops.boxes(part.crop, n); };
  const auto mix = RAZ_FOR_INSTRUCTION_SET(set, mix_between<Out>);
  Columns<Out> columns;
  for (int64_t left = 0; left < width; left += tile) {
    const int64_t count = std::min(tile, width - left);
    place_columns(edge(0), edge(2), left, count, width, images.size[3], columns);
    MixedRows<Out> rows[most_channels];
    for (int64_t y = y_begin; y < y_end; ++y) {
      const Sample at = sample_axis(edge(1), edge(3), y, result.size[2], images.size[2]);
      const auto weight = static_cast<Out>(at.weight);
      for (int64_t c = 0; c < part.channels; ++c) {
        const Out* top = mixed_row(sources[c], at.first, at.second, columns, set, rows[c]);
        const Out* bottom = mixed_row(sources[c], at.second, at.first, columns, set, rows[c]);
        Out* out = &result(part.crop, part.channel + c, y, left);
        if (result.stride[3] == 1) {
          mix(top, bottom, weight, count, stream, out);
          continue;
        }
        Out mixed[tile];
        mix(top, bottom, weight, count, false, mixed);
        for (int64_t j = 0; j < count; ++j) out[j * result.stride[3]] = mixed[j];
      }
    }
  }
}

template <class Out>
void clear_rows(const Part& part, int64_t y_begin, int64_t y_end, const View<Out, 4>& result) {
  for (int64_t c = part.channel; c < part.channel + part.channels; ++c) {
    for (int64_t y = y_begin; y < y_end; ++y) {
      for (int64_t x = 0; x < result.size[3]; ++x) result(part.crop, c, y, x) = 0;
    }
  }
}

}  // namespace

// The unit of work is a row of some channels of a crop. A row of the image that several rows of the
// crop look at is read and mixed along x once (once more by every thread).
template <class In, class Out>
void crop_and_resize(View<const In, 4> images, Crops crops, Normalization<Out> normalize,
                     View<Out, 4> result, const Parallel& parallel, InstructionSet set) {
  const int64_t channels = result.size[1];
  const int64_t height = result.size[2];
  if (result.numel() == 0) return;
  const int64_t parts = (channels + most_channels - 1) / most_channels;
  const int64_t values = std::min(channels, most_channels) * result.size[3];
  const bool stream = result.numel() * static_cast<int64_t>(sizeof(Out)) > cached_bytes;
  parallel(result.size[0] * parts * height, 1 + 16384 / values, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      const int64_t channel = begin / height % parts * most_channels;
      const Part part{begin / height / parts, channel, std::min(most_channels, channels - channel)};
      const int64_t y = begin % height;
      const int64_t y_end = std::min(height, y + (end - begin));
      begin += y_end - y;
      if (crops.readable(part.crop, images)) {
        resize_rows(images, crops, normalize, part, y, y_end, result, stream, set);
      } else {
        clear_rows(part, y, y_end, result);
      }
    }
    if (stream) RAZ_FOR_INSTRUCTION_SET(set, finish_streams)();
  });
}

#define RAZ_INSTANTIATE(In, Out)                                                            \
  template void crop_and_resize(View<const In, 4>, Crops, Normalization<Out>, View<Out, 4>, \
                                const Parallel&, InstructionSet);
RAZ_CROP_AND_RESIZE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cpu
