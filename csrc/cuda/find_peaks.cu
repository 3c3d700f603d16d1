#include "cuda/launch.h"
#include "cuda/peak_lists.h"
#include "cuda/peak_marks.h"
#include "cuda/peak_plateaus.h"
#include "cuda/peak_tiles.h"
#include "raz/find_peaks.h"

namespace raz::cuda {
namespace {

struct ClearCounts {
  RAZ_DEVICE void operator()(int64_t index, View<int64_t, 1> counts) const { counts(index) = 0; }
};

// Whether four neighbouring pixels from a multiple of four on can be read as one.
bool reads_aligned(View<const float, 3> x) {
  constexpr int64_t pixels = PeakTiles::lane_columns;
  return x.stride[2] == 1 && x.stride[1] % pixels == 0 && x.stride[0] % pixels == 0 &&
         reinterpret_cast<uintptr_t>(x.data) % (pixels * sizeof(float)) == 0;
}

PeakTiles tiles_in(uint32_t* workspace, const int64_t (&size)[3]) {
  PeakTiles tiles(size[0], size[1], size[2]);
  tiles.lay_out(workspace);
  return tiles;
}

template <class Kernel, class... Args>
int launch_on_tiles(Kernel kernel, const PeakTiles& tiles, void* stream, Args... args) {
  const int64_t blocks = (tiles.count() + Kernel::warps - 1) / Kernel::warps;
  return launch_blocks<Kernel::warps * warp_threads>(kernel, blocks, 0, stream, args...);
}

template <int smooth>
int mark(View<const float, 3> x, float threshold, const PeakTiles& tiles, void* stream) {
  return launch_on_tiles(MarkTile<smooth>{}, tiles, stream, x, threshold,
                         sum_limits(threshold, smooth), reads_aligned(x), tiles);
}

}  // namespace

int64_t find_peaks_workspace(int64_t batch, int64_t height, int64_t width) {
  return PeakTiles(batch, height, width).workspace();
}

int find_peaks(View<const float, 3> x, float threshold, int64_t smooth, uint32_t* workspace,
               View<int64_t, 1> counts, void* stream) {
  if (x.numel() == 0) return launch(ClearCounts{}, counts.size[0], stream, counts);
  const PeakTiles tiles = tiles_in(workspace, x.size);
  int error =
      smooth == 1 ? mark<1>(x, threshold, tiles, stream) : mark<3>(x, threshold, tiles, stream);
  if (error == 0) error = launch_on_tiles(JoinTied{}, tiles, stream, x, smooth, tiles);
  if (error == 0) error = launch_on_tiles(SettleTied{}, tiles, stream, tiles);
  if (error != 0) return error;
  return launch_blocks<ListPeaks::threads>(ListPeaks{}, tiles.batch * tiles.bands,
                                           ListPeaks::shared_bytes, stream, x, smooth, tiles,
                                           counts);
}

int write_peaks(const int64_t (&size)[3], uint32_t* workspace, View<const int64_t, 1> counts,
                View<float, 3> points, View<float, 2> scores, void* stream) {
  return launch_blocks<WritePeaks::threads>(WritePeaks{}, size[0], WritePeaks::shared_bytes, stream,
                                            tiles_in(workspace, size), counts, points, scores);
}

}  // namespace raz::cuda
