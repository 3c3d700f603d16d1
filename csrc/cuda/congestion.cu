#include <cmath>
#include <limits>

#include "cuda/head_chunks.h"
#include "raz/congestion.h"

namespace raz::cuda {
namespace {

constexpr int threads = heads_of_chunk;
constexpr double infinity = std::numeric_limits<double>::infinity();

// The smallest squared distances seen so far, ascending, in registers.
template <int Most>
class Nearest {
 public:
  RAZ_DEVICE Nearest() {
    for (double& value : squared_) value = infinity;
  }

  RAZ_DEVICE void add(double squared) {
    if (!(squared < squared_[Most - 1])) return;
    squared_[Most - 1] = squared;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int at = Most - 1; at > 0; --at) {
      const double low = squared_[at - 1];
      const double high = squared_[at];
      squared_[at - 1] = high < low ? high : low;
      squared_[at] = high < low ? low : high;
    }
  }

  RAZ_DEVICE double mean_distance(int64_t wanted) const {
    double sum = 0;
#if defined(__CUDA_ARCH__)
#pragma unroll
#endif
    for (int at = 0; at < Most; ++at) {
      if (at < wanted) sum += std::sqrt(squared_[at]);
    }
    return sum / static_cast<double>(wanted);
  }

 private:
  double squared_[Most];
};

RAZ_DEVICE int64_t image_of_head(View<const int64_t, 1> batch, int64_t n) {
  return batch.data == nullptr ? 0 : batch(n);
}

struct FindImages {
  RAZ_DEVICE void operator()(const Block& block, View<const int64_t, 1> batch,
                             ImageRange* images) const {
    const int64_t n = block.index() * threads + block.thread();
    ImageRange own = no_images;
    if (n < batch.size[0]) own = {batch(n), batch(n)};
    own = range_in_block(block, own, block.shared<ImageRange>());
    if (block.thread() == 0) images[block.index()] = own;
  }
};

struct SharedHeads {
  double x[threads];
  double y[threads];
  int64_t image[threads];
};

template <int Most>
struct MeanDistance {
  RAZ_DEVICE void operator()(const Block& block, View<const double, 2> points,
                             View<const int64_t, 1> batch, int64_t neighbours,
                             const ImageRange* images, View<double, 1> congestion) const {
    auto& others = *block.shared<SharedHeads>();
    const int64_t count = points.size[0];
    const int64_t n = block.index() * threads + block.thread();
    const bool real = n < count;
    const double x = real ? points(n, 0) : 0;
    const double y = real ? points(n, 1) : 0;
    const int64_t image = real ? image_of_head(batch, n) : 0;
    Nearest<Most> nearest;
    for (int64_t chunk = 0; chunk < block.count(); ++chunk) {
      // The whole block.
      if (batch.data != nullptr && !images[chunk].meets(images[block.index()])) continue;
      const int64_t begin = chunk * threads;
      const int64_t other = begin + block.thread();
      if (other < count) {
        others.x[block.thread()] = points(other, 0);
        others.y[block.thread()] = points(other, 1);
        others.image[block.thread()] = image_of_head(batch, other);
      }
      block.sync();
      const int64_t rest = count - begin;
      const int held = rest < threads ? static_cast<int>(rest) : threads;
      const int own = static_cast<int>(chunk == block.index() ? block.thread() : -1);
      for (int i = 0; i < held; ++i) {
        // The square of an infinite or undefined difference is not less than any.
        const double dx = others.x[i] - x;
        const double dy = others.y[i] - y;
        const double squared = dx * dx + dy * dy;
        if (others.image[i] == image && i != own) nearest.add(squared);
      }
      block.sync();
    }
    if (!real) return;
    const bool finite = x - x == 0 && y - y == 0;
    congestion(n) = finite ? nearest.mean_distance(neighbours) : infinity;
  }
};

}  // namespace

// 1. The images of every chunk. 2. A thread a head, against all heads of the chunks that share an
// image with its own, which pass through shared memory: N^2 distances within an image, whose
// arithmetic in double takes the time.
int congestion(View<const double, 2> points, View<const int64_t, 1> batch, int64_t neighbours,
               int64_t* workspace, View<double, 1> congestion, void* stream) {
  const int64_t chunks = chunks_of(points.size[0]);
  auto* images = reinterpret_cast<ImageRange*>(workspace);
  if (batch.data != nullptr) {
    constexpr int64_t bytes = threads / warp_threads * int64_t{sizeof(ImageRange)};
    const int error = launch_blocks<threads>(FindImages{}, chunks, bytes, stream, batch, images);
    if (error != 0) return error;
  }
  const auto run = [&](auto kernel) {
    return launch_blocks<threads>(kernel, chunks, sizeof(SharedHeads), stream, points, batch,
                                  neighbours, static_cast<const ImageRange*>(images), congestion);
  };
  return neighbours <= 4 ? run(MeanDistance<4>{}) : run(MeanDistance<congestion_most_neighbours>{});
}

}  // namespace raz::cuda
