// Congestion of heads: the mean distance of each to its nearest neighbours in its own image.
//
// points      [N, 2], (x, y) in pixels, any strides
// batch       [N], the image of every head, or no data: all heads in one image
// congestion  [N], pixels; infinite where there are fewer other heads than neighbours asked for
//
// Heads that are not finite are nobody's neighbour; theirs is infinite. All in double; distances
// are added by size, so that neither the order of heads nor the number of threads matters.
#pragma once

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

inline constexpr int64_t congestion_most_neighbours = 32;

// A head in the k-d tree that is searched. Only the kernel looks into it.
struct CongestionNode {
  double x;
  double y;
  int64_t image;
  int64_t head;
  int64_t axis;  // along which this node halves its range: 0 for x, 1 for y
};

namespace cpu {

// neighbours: in [1, congestion_most_neighbours].
// nodes: workspace, room for N. A tree and not a grid: cells blow up where all heads lie in one of
// them. It is cut along the wider side, so columns, clusters and duplicates take N log N as well.
void congestion(View<const double, 2> points, View<const int64_t, 1> batch, int64_t neighbours,
                CongestionNode* nodes, View<double, 1> congestion, const Parallel& parallel);

}  // namespace cpu

namespace cuda {

// All distances within an image, the same bits as the CPU: for up to some 20,000 heads an image.
// The heads of an image should stand together, see cuda/head_chunks.h.
// workspace: room for 2 ceil(N / 256) numbers; without a batch it is not touched.
// stream: a cudaStream_t. Returns a cudaError_t (0 = success).
int congestion(View<const double, 2> points, View<const int64_t, 1> batch, int64_t neighbours,
               int64_t* workspace, View<double, 1> congestion, void* stream);

}  // namespace cuda
}  // namespace raz
