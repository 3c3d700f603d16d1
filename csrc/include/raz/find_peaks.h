// Peaks of a map: 8-connected components of equal smoothed values >= threshold with no greater
// neighbour, each reported once, at its first pixel in raster order.
//
// x       float32 [B, H, W], any strides
// smooth  1: the map as it is. 3: mean over the 3x3 pixels inside the image, in float32:
//         row = (a + b) + c, mean = ((r0 + r1) + r2) / n; a pixel outside adds +0.
// A component next to a NaN of the smoothed map has no peak.
//
// The three passes:
// 1. By rows, in parallel: smooth through a few row buffers and mark the candidates, pixels that no
//    neighbour exceeds. Two candidates that touch are equal, since neither exceeds the other.
// 2. By images: a candidate without an equal neighbour is a peak. The others (rare) are flooded
//    from the first pixel on; the plateau is a peak when all its equal neighbours are candidates.
// 3. Write the points.
#pragma once

#include <vector>

#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

struct Peak {
  int64_t index;  // y * W + x
  float score;    // the smoothed value
};

}  // namespace raz

namespace raz::cpu {

// marks   workspace, one byte a pixel, [B, H, W] contiguous; what it held is not looked at
// limit   the most peaks kept of an image: the highest, ties to the lower index
// counts  [B]: peaks found, before the limit
// peaks   set to the peaks kept, image after image, in raster order. It and the stack of a plateau
//         are the only memory allocated, on the calling thread.
void find_peaks(View<const float, 3> x, float threshold, int64_t smooth, int64_t limit,
                uint8_t* marks, View<int64_t, 1> counts, std::vector<Peak>& peaks,
                const Parallel& parallel);

// points  [B, K, 2]: centres (x + 0.5, y + 0.5); scores [B, K]. Unused rows: -1, score 0.
// K       at least min(counts[b], limit) for every b
// width   W of the map
void write_peaks(const std::vector<Peak>& peaks, View<const int64_t, 1> counts, int64_t limit,
                 int64_t width, View<float, 3> points, View<float, 2> scores);

}  // namespace raz::cpu
