// Peaks of a map: 8-connected components of equal smoothed values >= threshold with no greater
// neighbour, each reported once, at its first pixel in raster order.
//
// x       float32 [B, H, W], any strides
// smooth  1: the map as it is. 3: mean over the 3x3 pixels inside the image, in float32:
//         row = (a + b) + c, mean = ((r0 + r1) + r2) / n; a pixel outside adds +0.
// A component next to a NaN of the smoothed map has no peak.
//
// On the CPU three passes, each in parallel:
// 1. By bands of rows: mark the pixels that no neighbour exceeds: as peaks where they exceed all
//    neighbours, else as tied. Two tied pixels that touch are equal, since neither exceeds the
//    other. Most bands hold little above the threshold; that is seen from the sums alone. Around
//    what passes the sums are compared; means are formed where two sums are so near that their
//    means may be equal.
// 2. By images, where pixels are tied (rare): each plateau is flooded from its first pixel on, and
//    that pixel becomes a peak when the plateau has no neighbour that is not lower.
// 3. By bands: write the points.
// Between the passes the caller provides memory of the size that the counts ask for.
//
// On CUDA five launches: marks of tiles, as in pass 1; plateaus, united by labels, then settled
// (two launches, which end where no pixel of a tile is tied); lists of peaks in raster order;
// results. All bits are those of the CPU.
#pragma once

#include "raz/instruction_set.h"
#include "raz/parallel.h"
#include "raz/view.h"

namespace raz {

struct Peak {
  int64_t index;  // y * W + x
  float score;    // the smoothed value
};

}  // namespace raz

namespace raz::cpu {

// Two bits a pixel, 64 pixels of a row in each word; what they held before is not looked at.
struct PeakMarks {
  static constexpr int64_t band_rows = 8;
  static constexpr int64_t word_pixels = 64;
  enum Plane { peak, tied };

  static int64_t bands(int64_t height) { return (height + band_rows - 1) / band_rows; }
  static int64_t words(int64_t width) { return (width + word_pixels - 1) / word_pixels; }

  View<int64_t, 4> bits;    // [B, H, words(W), 2]: contiguous, used as unsigned words
  View<int64_t, 3> counts;  // [B, bands(H), 2]: contiguous, marks of each band
};

// Pass 1: marks.
void mark_peaks(View<const float, 3> x, float threshold, int64_t smooth, PeakMarks marks,
                const Parallel& parallel, InstructionSet set);

// counts [B]: how many marks of one plane each image has.
void count_marks(PeakMarks marks, PeakMarks::Plane plane, View<int64_t, 1> counts);

// Pass 2, for maps with tied pixels. stack: [B, n], workspace, n the most tied pixels of an image.
void settle_plateaus(View<const float, 3> x, int64_t smooth, PeakMarks marks,
                     View<int64_t, 2> stack, const Parallel& parallel);

// Pass 3. K may be less than the peaks of an image: it keeps the highest, ties to the lower index.
//
// counts  [B]: peaks of every image
// peaks   workspace [B, n], n at least the counts that exceed K; of no use where none does
// points  [B, K, 2]: centres (x + 0.5, y + 0.5), in raster order; scores [B, K]. Unused rows: -1,
//         score 0.
void write_peaks(View<const float, 3> x, int64_t smooth, PeakMarks marks,
                 View<const int64_t, 1> counts, View<Peak, 2> peaks, View<float, 3> points,
                 View<float, 2> scores, const Parallel& parallel);

}  // namespace raz::cpu

namespace raz::cuda {

// Labels, indices of pixels and numbers of tiles are 32 bits wide.
inline bool find_peaks_serves(int64_t batch, int64_t height, int64_t width) {
  constexpr int64_t most = (int64_t{1} << 32) - 2;
  const int64_t tiles = ((height + 15) / 16) * ((width + 127) / 128);
  return height <= most && width <= most && (width == 0 || height <= most / width) &&
         (tiles == 0 || batch <= most / tiles);
}

// The 4-byte words that find_peaks needs: about one a pixel, of which it touches a few where pixels
// are tied and two a peak; 16-byte aligned.
int64_t find_peaks_workspace(int64_t batch, int64_t height, int64_t width);

// counts  [B]: peaks of every image. stream: a cudaStream_t. Returns a cudaError_t (0 = success).
int find_peaks(View<const float, 3> x, float threshold, int64_t smooth, uint32_t* workspace,
               View<int64_t, 1> counts, void* stream);

// After find_peaks, of the size of its map and on its workspace. K may be less than the peaks of an
// image: it keeps the highest, ties to the lower index.
//
// points  [B, K, 2]: centres (x + 0.5, y + 0.5), in raster order; scores [B, K]. Unused rows: -1,
//         score 0.
int write_peaks(const int64_t (&size)[3], uint32_t* workspace, View<const int64_t, 1> counts,
                View<float, 3> points, View<float, 2> scores, void* stream);

}  // namespace raz::cuda
