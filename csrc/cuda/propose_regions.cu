#include <limits>

#include "cuda/launch.h"
#include "raz/anchor.h"
#include "raz/box_score.h"
#include "raz/overlap.h"
#include "raz/propose_regions.h"
#include "raz/score_key.h"

namespace raz::cuda {
namespace {

constexpr float out = std::numeric_limits<float>::quiet_NaN();
constexpr int threads = 256;
constexpr int warps = threads / warp_threads;
constexpr int64_t staged_bytes = 48 << 10;  // of shared memory, which every GPU gives unasked

// Some of the scales or ratios, which live on the host: they travel with the launch, so nothing is
// copied and a captured graph keeps them.
struct Part {
  static constexpr int64_t most = 16;

  double values[most];
  int64_t first;  // of all
  int64_t count;
  int64_t all;

  Part(View<const double, 1> of, int64_t first) : first(first), all(of.size[0]) {
    count = all - first < most ? all - first : most;
    for (int64_t i = 0; i < count; ++i) values[i] = of(first + i);
  }
};

// A thread an anchor and image: its box, for the first image, and its score.
struct ScoreAnchor {
  RAZ_DEVICE void operator()(int64_t index, View<const double, 3> integral, int64_t num_points,
                             Part scales, Part ratios, int64_t seed, float threshold,
                             RegionWorkspace workspace) const {
    const int64_t ratio = index % ratios.count;
    const int64_t scale = index / ratios.count % scales.count;
    const int64_t of_points = index / ratios.count / scales.count;
    const int64_t point = of_points % num_points;
    const int64_t b = of_points / num_points;
    const int64_t n =
        (point * scales.all + scales.first + scale) * ratios.all + ratios.first + ratio;
    const int64_t height = integral.size[1] - 1;
    const int64_t width = integral.size[2] - 1;
    const double side = scales.values[scale] * static_cast<double>(height < width ? height : width);
    float box[4];
    anchor_box(random_point(seed, point, height, width), side, ratios.values[ratio], height, width,
               box);
    if (b == 0) {
      for (int i = 0; i < 4; ++i) workspace.anchors(i, n) = box[i];
    }
    const double edges[4] = {box[0], box[1], box[2], box[3]};
    const auto score = static_cast<float>(box_score(integral, b, edges, true));
    const bool empty = !(box[2] > box[0] && box[3] > box[1]);
    workspace.scores(b, n) = !empty && score >= threshold ? score : out;
  }
};

// The anchors of one image, in the workspace or in shared memory.
struct Candidates {
  static constexpr uint64_t none = std::numeric_limits<uint64_t>::max();

  int64_t count;
  const float* boxes;  // [4, count]
  float* scores;       // NaN: out

  RAZ_DEVICE Edges edges(int64_t n) const {
    return {boxes[n], boxes[count + n], boxes[2 * count + n], boxes[3 * count + n]};
  }

  // The least is the best: the highest score, ties to the lower index.
  RAZ_DEVICE uint64_t rank(int64_t n) const {
    const float score = scores[n];
    return score == score ? uint64_t{descending_key(score)} << 32 | static_cast<uint64_t>(n) : none;
  }
};

// The least of all threads' values. of_warps: shared memory for a value a warp, which no thread
// still reads from: two of them by turns.
RAZ_DEVICE uint64_t least(const Block& block, uint64_t value, uint64_t* of_warps) {
  for (int step = 1; step < warp_threads; step *= 2) {
    const uint64_t other = block.shuffle_xor(value, step);
    value = other < value ? other : value;
  }
  if (block.lane() == 0) of_warps[block.warp()] = value;
  block.sync();
  for (int w = 0; w < warps; ++w) value = of_warps[w] < value ? of_warps[w] : value;
  return value;
}

// A block an image: the best anchor that is left, max_regions times, each time putting out those
// that overlap it. Every thread has its own anchors, every `threads`-th; shared memory holds them
// where they fit (2,400), else the caches do.
struct SelectRegions {
  RAZ_DEVICE void operator()(const Block& block, RegionWorkspace workspace, double iou_threshold,
                             Regions regions, bool staged) const {
    const int64_t b = block.index();
    const int64_t most = regions.scores.size[1];
    auto* of_warps = block.shared<uint64_t>();
    Candidates anchors{workspace.anchors.size[1], workspace.anchors.data,
                       workspace.scores.data + b * workspace.scores.stride[0]};
    if (staged) stage(block, anchors, reinterpret_cast<float*>(of_warps + 2 * warps));
    uint64_t mine = Candidates::none;
    for (int64_t n = block.thread(); n < anchors.count; n += threads) {
      const uint64_t rank = anchors.rank(n);
      mine = rank < mine ? rank : mine;
    }
    int64_t kept = 0;
    for (; kept < most; ++kept) {
      const uint64_t best = least(block, mine, of_warps + kept % 2 * warps);
      if (best == Candidates::none) break;
      const auto n = static_cast<int64_t>(best & 0xFFFFFFFFu);
      if (best == mine) {  // this thread's own
        for (int i = 0; i < 4; ++i)
          regions.boxes(b, kept, i) = anchors.boxes[i * anchors.count + n];
        regions.scores(b, kept) = anchors.scores[n];
        anchors.scores[n] = out;
      }
      mine = suppress(block, anchors, anchors.edges(n), iou_threshold);
    }
    if (block.thread() == 0) regions.counts(b) = kept;
    for (int64_t k = kept + block.thread(); k < most; k += threads) {
      regions.scores(b, k) = 0;
      for (int i = 0; i < 4; ++i) regions.boxes(b, k, i) = 0;
    }
  }

 private:
  RAZ_DEVICE static void stage(const Block& block, Candidates& anchors, float* shared) {
    const int64_t count = anchors.count;
    for (int64_t i = block.thread(); i < 4 * count; i += threads) shared[i] = anchors.boxes[i];
    float* scores = shared + 4 * count;
    for (int64_t n = block.thread(); n < count; n += threads) scores[n] = anchors.scores[n];
    anchors.boxes = shared;
    anchors.scores = scores;
    block.sync();
  }

  // Returns the thread's best of those left.
  RAZ_DEVICE static uint64_t suppress(const Block& block, const Candidates& anchors,
                                      const Edges& best, double iou_threshold) {
    uint64_t mine = Candidates::none;
    for (int64_t n = block.thread(); n < anchors.count; n += threads) {
      const uint64_t rank = anchors.rank(n);
      if (rank == Candidates::none) continue;
      if (overlaps(best, anchors.edges(n), iou_threshold)) {
        anchors.scores[n] = out;
      } else {
        mine = rank < mine ? rank : mine;
      }
    }
    return mine;
  }
};

}  // namespace

// 1. Anchors and scores, spread over the device: each score waits for sixteen entries of the table
// that lie far apart. 2. The choice, a block an image.
int propose_regions(View<const double, 3> integral, const AnchorGrid& grid,
                    const RegionLimits& limits, const RegionWorkspace& workspace,
                    const Regions& regions, void* stream) {
  const int64_t images = integral.size[0];
  const auto threshold = static_cast<float>(limits.score_threshold);
  for (int64_t s = 0; s < grid.scales.size[0]; s += Part::most) {
    for (int64_t r = 0; r < grid.ratios.size[0]; r += Part::most) {
      const Part scales(grid.scales, s);
      const Part ratios(grid.ratios, r);
      const int64_t count = images * grid.num_points * scales.count * ratios.count;
      const int error = launch(ScoreAnchor{}, count, stream, integral, grid.num_points, scales,
                               ratios, grid.seed, threshold, workspace);
      if (error != 0) return error;
    }
  }
  constexpr auto reduction_bytes = static_cast<int64_t>(2 * warps * sizeof(uint64_t));
  const int64_t anchor_bytes = 5 * static_cast<int64_t>(sizeof(float)) * grid.count();
  const bool staged = reduction_bytes + anchor_bytes <= staged_bytes;
  return launch_blocks<threads>(SelectRegions{}, images,
                                reduction_bytes + (staged ? anchor_bytes : 0), stream, workspace,
                                limits.iou_threshold, regions, staged);
}

}  // namespace raz::cuda
