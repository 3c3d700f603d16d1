#include "cuda/rank_in_block.h"
#include "raz/bilinear.h"
#include "raz/crop_and_resize_backward.h"
#include "raz/longest_side.h"

namespace raz::cuda {
namespace {

constexpr int threads = 256;

// Images: a thread a pixel of a tile, several channels.
constexpr int tile_width = 32;
constexpr int tile_height = threads / tile_width;
constexpr int tile_channels = 4;
constexpr int32_t columns_in_turn = 256;  // of a crop: the CPU adds as many of a row, then goes on
static_assert(longest_side % tile_width == 0 && longest_side % tile_height == 0);
static_assert(longest_side % columns_in_turn == 0);

// Samples of the rows of crop k, then of its columns.
struct PlaceSamples {
  template <class T>
  RAZ_DEVICE void operator()(int64_t index, Crops crops, int64_t rows, int64_t image_height,
                             int64_t image_width, View<CropSample<T>, 2> samples) const {
    const int64_t i = index % samples.size[1];
    const int64_t k = index / samples.size[1];
    const int64_t columns = samples.size[1] - rows;
    const Sample sample =
        i < rows
            ? sample_axis(crops.boxes(k, 1), crops.boxes(k, 3), i, rows, image_height)
            : sample_axis(crops.boxes(k, 0), crops.boxes(k, 2), i - rows, columns, image_width);
    samples(k, i) = {static_cast<int32_t>(sample.first), static_cast<T>(sample.weight)};
  }
};

// The samples of one axis of a crop: their pixels ascend, or in an inverted box descend.
template <class T>
struct AxisSamples {
  const CropSample<T>* samples;
  int32_t count;
  int32_t length;  // of the image, pixels

  RAZ_DEVICE int32_t second(const CropSample<T>& sample) const {
    return sample.first + 1 < length ? sample.first + 1 : sample.first;
  }
  RAZ_DEVICE bool ascends() const { return samples[0].first <= samples[count - 1].first; }

  // Whether a sample reads pixels of [begin, end), some of which lie in the image.
  RAZ_DEVICE bool reaches(int32_t begin, int32_t end) const {
    const CropSample<T>& lowest = samples[ascends() ? 0 : count - 1];
    const CropSample<T>& highest = samples[ascends() ? count - 1 : 0];
    return lowest.first < end && second(highest) >= begin;
  }

  // The samples that read a pixel: those whose first is the pixel or the one before it.
  RAZ_DEVICE int32_t begin(int32_t pixel) const {
    return ascends() ? position([&](int32_t first) { return first < pixel - 1; })
                     : position([&](int32_t first) { return first > pixel; });
  }
  RAZ_DEVICE int32_t end(int32_t pixel) const {
    return ascends() ? position([&](int32_t first) { return first <= pixel; })
                     : position([&](int32_t first) { return first >= pixel - 1; });
  }

 private:
  // How many samples lie before: they are the first ones.
  template <class Before>
  RAZ_DEVICE int32_t position(Before&& before) const {
    int32_t low = 0;
    int32_t high = count;
    while (low < high) {
      const int32_t middle = low + (high - low) / 2;
      if (before(samples[middle].first)) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

struct Range {
  int32_t begin;
  int32_t end;
};

template <class T>
struct SharedTile {
  T scale[tile_channels];   // of grad, for every channel
  int64_t crops[threads];   // those that reach the tile
  Range rows[tile_height];  // the rows of a crop that read a row of the tile
  Range columns[tile_width];
  int32_t counts[threads / warp_threads];
};

template <class T>
struct GatherTile {
  RAZ_DEVICE void operator()(const Block& block, View<const T, 4> grad, Crops crops,
                             View<const T, 1> std, View<CropSample<T>, 2> samples,
                             View<T, 4> images_grad) const {
    const int64_t height = images_grad.size[2];
    const int64_t width = images_grad.size[3];
    const auto index = static_cast<uint32_t>(block.index());
    const auto across = static_cast<uint32_t>((width + tile_width - 1) / tile_width);
    const auto down = static_cast<uint32_t>((height + tile_height - 1) / tile_height);
    const auto groups =
        static_cast<uint32_t>((images_grad.size[1] + tile_channels - 1) / tile_channels);
    const auto left = static_cast<int32_t>(index % across * tile_width);
    const auto top = static_cast<int32_t>(index / across % down * tile_height);
    const auto channel = static_cast<int32_t>(index / across / down % groups * tile_channels);
    const uint32_t b = index / across / down / groups;
    const int64_t rest = images_grad.size[1] - channel;
    const int channels = rest < tile_channels ? static_cast<int>(rest) : tile_channels;

    auto& shared = *block.shared<SharedTile<T>>();
    const int32_t x = left + block.thread() % tile_width;
    const int32_t y = top + block.thread() / tile_width;
    T sum[tile_channels] = {};
    if (block.thread() < channels) {
      const int c = block.thread();
      shared.scale[c] = std.data == nullptr ? T{1} : T{1} / std(channel + c);
    }
    // Sizes of the images are asked for alone.
    const View<const T, 4> images{
        nullptr, {images_grad.size[0], images_grad.size[1], height, width}, {}};
    for (int64_t begin = 0; begin < grad.size[0]; begin += threads) {
      const int64_t own = begin + block.thread();
      const bool reaches = own < grad.size[0] && crops.batch(own) == b &&
                           crops.readable(own, images) &&
                           rows_of(grad, samples, own, height).reaches(top, top + tile_height) &&
                           columns_of(grad, samples, own, width).reaches(left, left + tile_width);
      const Rank rank = rank_in_block(block, reaches, shared.counts);
      if (reaches) shared.crops[rank.rank] = own;
      block.sync();
      for (int i = 0; i < rank.total; ++i) {
        const int64_t k = shared.crops[i];
        const AxisSamples<T> rows = rows_of(grad, samples, k, height);
        const AxisSamples<T> columns = columns_of(grad, samples, k, width);
        find_ranges(block, rows, top, columns, left, shared);
        block.sync();
        add_crop(grad, k, channel, channels, shared.scale, rows, y,
                 shared.rows[block.thread() / tile_width], columns, x,
                 shared.columns[block.thread() % tile_width], sum);
        block.sync();
      }
    }
    if (y >= height || x >= width) return;
    T* pixel = &images_grad(b, channel, y, x);
    for (int c = 0; c < tile_channels; ++c) {
      if (c < channels) pixel[c * images_grad.stride[1]] = sum[c];
    }
  }

 private:
  static RAZ_DEVICE AxisSamples<T> rows_of(View<const T, 4> grad, View<CropSample<T>, 2> samples,
                                           int64_t k, int64_t height) {
    return {&samples(k, 0), static_cast<int32_t>(grad.size[2]), static_cast<int32_t>(height)};
  }
  static RAZ_DEVICE AxisSamples<T> columns_of(View<const T, 4> grad, View<CropSample<T>, 2> samples,
                                              int64_t k, int64_t width) {
    return {&samples(k, 0) + grad.size[2], static_cast<int32_t>(grad.size[3]),
            static_cast<int32_t>(width)};
  }

  static RAZ_DEVICE void find_ranges(const Block& block, const AxisSamples<T>& rows, int32_t top,
                                     const AxisSamples<T>& columns, int32_t left,
                                     SharedTile<T>& shared) {
    const int thread = block.thread();
    if (thread < tile_width) {
      shared.columns[thread] = {columns.begin(left + thread), columns.end(left + thread)};
    } else if (thread < tile_width + tile_height) {
      const int row = thread - tile_width;
      shared.rows[row] = {rows.begin(top + row), rows.end(top + row)};
    }
  }

  // What one crop gives to the pixel, in the order of the CPU.
  static RAZ_DEVICE void add_crop(View<const T, 4> grad, int64_t k, int32_t channel, int channels,
                                  const T (&scale)[tile_channels], const AxisSamples<T>& rows,
                                  int32_t y, const Range& of_y, const AxisSamples<T>& columns,
                                  int32_t x, const Range& of_x, T (&sum)[tile_channels]) {
    for (int32_t left = of_x.begin; left < of_x.end;) {
      const int32_t turn = (left / columns_in_turn + 1) * columns_in_turn;
      const int32_t right = turn < of_x.end ? turn : of_x.end;
      for (int32_t i = of_y.begin; i < of_y.end; ++i) {
        const CropSample<T> row = rows.samples[i];
        for (const bool second : {false, true}) {
          if ((second ? rows.second(row) : row.first) != y) continue;
          const T part = second ? row.weight : T{1} - row.weight;
          add_row(&grad(k, channel, i, left), grad.stride[1], grad.stride[3], channels, scale, part,
                  columns.samples + left, right - left, columns, x, sum);
        }
      }
      left = right;
    }
  }

  static RAZ_DEVICE void add_row(const T* grad, int64_t channel_step, int64_t step, int channels,
                                 const T (&scale)[tile_channels], T part,
                                 const CropSample<T>* sample, int32_t count,
                                 const AxisSamples<T>& columns, int32_t x,
                                 T (&sum)[tile_channels]) {
    for (; count > 0; --count, ++sample, grad += step) {
      const CropSample<T> column = *sample;
      const bool first = column.first == x;
      const bool second = columns.second(column) == x;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
      for (int c = 0; c < tile_channels; ++c) {
        if (c >= channels) continue;
        const T value = scale[c] * part * grad[c * channel_step];
        if (first) sum[c] += value * (T{1} - column.weight);
        if (second) sum[c] += value * column.weight;
      }
    }
  }
};

// Boxes: a thread a column of a part of a crop, row by row.
constexpr int part_rows = crop_and_resize_backward_part_rows;
constexpr int part_columns = crop_and_resize_backward_part_columns;
static_assert(part_columns == threads);
static_assert(longest_side % part_rows == 0 && longest_side % part_columns == 0);

struct PlacedRow {
  Sample sample;
  SampleMotion motion;
};

struct SharedPart {
  PlacedRow rows[part_rows];
  double sums[threads / warp_threads][4];
};

template <class In, class Out>
struct PartGradient {
  RAZ_DEVICE void operator()(const Block& block, View<const Out, 4> grad, View<const In, 4> images,
                             Crops crops, View<const Out, 1> std, View<double, 3> parts) const {
    const auto index = static_cast<uint32_t>(block.index());
    const auto across = static_cast<uint32_t>((grad.size[3] + part_columns - 1) / part_columns);
    const uint32_t part = index % static_cast<uint32_t>(parts.size[1]);
    const uint32_t k = index / static_cast<uint32_t>(parts.size[1]);
    const auto top = static_cast<int32_t>(part / across * part_rows);
    const auto j = static_cast<int32_t>(part % across * part_columns) + block.thread();
    const int64_t rest = grad.size[2] - top;
    const int rows = rest < part_rows ? static_cast<int>(rest) : part_rows;
    auto& shared = *block.shared<SharedPart>();
    const bool readable = crops.readable(k, images) && images.size[1] > 0;
    const auto edge = [&](int64_t n) { return crops.boxes(k, n); };
    if (readable && block.thread() < rows) {
      const int64_t i = top + block.thread();
      shared.rows[block.thread()] = {
          sample_axis(edge(1), edge(3), i, grad.size[2], images.size[2]),
          sample_motion(edge(1), edge(3), i, grad.size[2], images.size[2])};
    }
    block.sync();
    double result[4] = {};
    if (readable && j < grad.size[3]) {
      const Sample x = sample_axis(edge(0), edge(2), j, grad.size[3], images.size[3]);
      double across_sum = 0;
      const Out* own = &grad(k, 0, top, j);
      const In* image = &images(crops.batch(k), 0, 0, x.first);
      const int64_t beside = (x.second - x.first) * images.stride[3];
      const auto weight = static_cast<Out>(x.weight);
      for (int row = 0; row < rows; ++row) {
        Out by_x = 0;
        Out by_y = 0;
        add_sample(own + row * grad.stride[2], grad.stride[1], images, image, beside, weight,
                   shared.rows[row].sample, std, by_x, by_y);
        across_sum += static_cast<double>(by_x);
        result[1] += static_cast<double>(by_y) * shared.rows[row].motion.low;
        result[3] += static_cast<double>(by_y) * shared.rows[row].motion.high;
      }
      const SampleMotion motion = sample_motion(edge(0), edge(2), j, grad.size[3], images.size[3]);
      result[0] = across_sum * motion.low;
      result[2] = across_sum * motion.high;
    }
    sum_over_block(block, result, shared);
    if (block.thread() >= 4) return;
    double sum = 0;
    for (const auto& of_warp : shared.sums) sum += of_warp[block.thread()];
    constexpr double unit = std::is_same_v<In, uint8_t> ? 1.0 / 255 : 1.0;
    parts(k, part, block.thread()) = sum * unit;
  }

 private:
  // image: the first row of the first channel, at the first of the two columns.
  static RAZ_DEVICE void add_sample(const Out* grad, int64_t grad_step, View<const In, 4> images,
                                    const In* image, int64_t beside, Out across, const Sample& y,
                                    View<const Out, 1> std, Out& by_x, Out& by_y) {
    const auto down = static_cast<Out>(y.weight);
    const In* top = image + y.first * images.stride[2];
    const int64_t below = (y.second - y.first) * images.stride[2];
    for (int64_t channel = 0; channel < images.size[1]; ++channel) {
      const In* bottom = top + below;
      const auto top_left = static_cast<Out>(top[0]);
      const auto top_right = static_cast<Out>(top[beside]);
      const auto bottom_left = static_cast<Out>(bottom[0]);
      const auto bottom_right = static_cast<Out>(bottom[beside]);
      Out scale = *grad;
      if (std.data != nullptr) scale /= std(channel);
      by_x += scale * ((top_right - top_left) * (1 - down) + (bottom_right - bottom_left) * down);
      by_y +=
          scale * ((bottom_left - top_left) * (1 - across) + (bottom_right - top_right) * across);
      top += images.stride[1];
      grad += grad_step;
    }
  }

  static RAZ_DEVICE void sum_over_block(const Block& block, double (&values)[4],
                                        SharedPart& shared) {
    for (int n = 0; n < 4; ++n) {
      for (int lanes = warp_threads / 2; lanes > 0; lanes /= 2) {
        values[n] += block.shuffle_xor(values[n], lanes);
      }
      if (block.lane() == 0) shared.sums[block.warp()][n] = values[n];
    }
    block.sync();
  }
};

struct SumParts {
  RAZ_DEVICE void operator()(int64_t index, View<double, 3> parts,
                             View<double, 2> boxes_grad) const {
    double sum = 0;
    for (int64_t part = 0; part < parts.size[1]; ++part) sum += parts(index / 4, part, index % 4);
    boxes_grad(index / 4, index % 4) = sum;
  }
};

}  // namespace

// 1. Where every row and column of every crop samples. 2. A block a tile of an image: it lists the
// crops that reach the tile in order of index and looks up which of their rows and columns read
// which of its pixels; every thread gathers for one pixel. images_grad is written once, and grad
// read once from memory: the two rows and columns of pixels that an entry reaches lie in one tile
// or in the next.
template <class T>
int crop_and_resize_backward_images(View<const T, 4> grad, Crops crops, View<const T, 1> std,
                                    View<CropSample<T>, 2> samples, View<T, 4> images_grad,
                                    void* stream) {
  if (images_grad.numel() == 0) return 0;
  if (grad.size[2] == 0 || grad.size[3] == 0) grad.size[0] = 0;  // nothing to gather
  if (grad.size[0] > 0) {
    const int error = launch(PlaceSamples{}, samples.numel(), stream, crops, grad.size[2],
                             images_grad.size[2], images_grad.size[3], samples);
    if (error != 0) return error;
  }
  const int64_t across = (images_grad.size[3] + tile_width - 1) / tile_width;
  const int64_t down = (images_grad.size[2] + tile_height - 1) / tile_height;
  const int64_t groups = (images_grad.size[1] + tile_channels - 1) / tile_channels;
  return launch_blocks<threads, 1>(GatherTile<T>{}, images_grad.size[0] * groups * down * across,
                                   sizeof(SharedTile<T>), stream, grad, crops, std, samples,
                                   images_grad);
}

// 1. A block a part of a crop, all channels; neighbours in a warp read neighbouring columns of
// grad, which is read once, and of the image, from the cache where crops enlarge. 2. The parts of
// every crop are added in order.
template <class In, class Out>
int crop_and_resize_backward_boxes(View<const Out, 4> grad, View<const In, 4> images, Crops crops,
                                   View<const Out, 1> std, View<double, 3> parts,
                                   View<double, 2> boxes_grad, void* stream) {
  const int error =
      launch_blocks<threads>(PartGradient<In, Out>{}, parts.size[0] * parts.size[1],
                             sizeof(SharedPart), stream, grad, images, crops, std, parts);
  if (error != 0) return error;
  return launch(SumParts{}, boxes_grad.numel(), stream, parts, boxes_grad);
}

#define RAZ_INSTANTIATE(T)                                                                \
  template int crop_and_resize_backward_images(View<const T, 4>, Crops, View<const T, 1>, \
                                               View<CropSample<T>, 2>, View<T, 4>, void*);
RAZ_CROP_AND_RESIZE_BACKWARD_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

#define RAZ_INSTANTIATE(In, Out)                                                            \
  template int crop_and_resize_backward_boxes(View<const Out, 4>, View<const In, 4>, Crops, \
                                              View<const Out, 1>, View<double, 3>,          \
                                              View<double, 2>, void*);
RAZ_CROP_AND_RESIZE_TYPES(RAZ_INSTANTIATE)
#undef RAZ_INSTANTIATE

}  // namespace raz::cuda
