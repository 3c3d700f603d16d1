#include <cmath>
#include <utility>

#include "cuda/bits.h"
#include "cuda/block_scan.h"
#include "cuda/launch.h"
#include "cuda/sort.h"
#include "raz/anchor.h"
#include "raz/point_nms.h"
#include "raz/score_key.h"

namespace raz::cuda {
namespace {

constexpr int settle_threads = 256;
constexpr int scan_threads = 1024;
constexpr uint32_t no_number = 0xFFFFFFFFu;  // ranks behind every score

// A point only ever leaves `undecided`, so whoever reads a state in passing can rely on the others.
enum State : uint32_t { undecided, dropped, kept };

// A point as its neighbours see it: 16 bytes, one load.
struct alignas(16) Entry {
  float x;
  float y;
  uint32_t rank;
  uint32_t index;
};

// Entries [begin, end).
struct Range {
  uint32_t begin;
  uint32_t end;
};

// Buckets are 2^bits: one to two for each point, fewer where that saves a pass of the sort.
int bucket_bits(int64_t count) {
  const auto most = [&](int bits) {
    int needed = 1;
    while (needed < bits && count >> needed != 0) ++needed;
    return needed;
  };
  return count <= int64_t{1} << 17 ? most(16) : most(24);
}

// What the launches share. Ranks number the points by descending score, ties to the lower index.
struct Work {
  int64_t count;
  int bits;
  uint32_t* keys[2];
  uint32_t* order;  // the index of each rank
  uint32_t* ranks;  // in the order of buckets, if the number of passes is even
  uint32_t* spare;
  uint32_t* sort_counts;
  Range* buckets;
  Entry* entries;  // by bucket, and by rank in each
  uint32_t* states;
  uint32_t* kept_of_warps;  // of 32 ranks; later how many are kept before them
  int64_t* ticket;

  int64_t bucket_count() const { return int64_t{1} << bits; }
  int64_t blocks() const { return (count + settle_threads - 1) / settle_threads; }
  int64_t warps() const { return blocks() * (settle_threads / warp_threads); }

  // Cuts the parts off the workspace, each at a multiple of 16 bytes; returns how many bytes.
  template <class Cut>
  int64_t lay_out(Cut&& cut) {
    const auto words = static_cast<int64_t>(sizeof(uint32_t)) * count;
    int64_t at = 0;
    const auto part = [&](auto*& pointer, int64_t bytes) {
      cut(pointer, at);
      at += (bytes + 15) / 16 * 16;
    };
    for (uint32_t** each : {&keys[0], &keys[1], &order, &ranks, &spare, &states}) {
      part(*each, words);
    }
    part(sort_counts, cuda::sort_counts * static_cast<int64_t>(sizeof(uint32_t)));
    part(buckets, bucket_count() * static_cast<int64_t>(sizeof(Range)));
    part(entries, count * static_cast<int64_t>(sizeof(Entry)));
    part(kept_of_warps, warps() * static_cast<int64_t>(sizeof(uint32_t)));
    part(ticket, sizeof(int64_t));
    return at;
  }
};

Work work_of(int64_t count, int64_t* workspace) {
  Work work{};
  work.count = count;
  work.bits = bucket_bits(count);
  auto* bytes = reinterpret_cast<unsigned char*>(workspace);
  work.lay_out([&](auto*& pointer, int64_t at) {
    pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(bytes + at);
  });
  return work;
}

struct NmsPoints {
  View<const float, 2> points;
  View<const int64_t, 1> batch;
  float radius;
  View<const float, 1> radii;

  RAZ_DEVICE int64_t image(int64_t i) const { return batch.data == nullptr ? 0 : batch(i); }

  // With `Own` false, what it is without radii.
  template <bool Own>
  RAZ_DEVICE float limit(int64_t i) const {
    return point_nms_limit(Own ? radii : View<const float, 1>{}, i, radius);
  }
};

// Cells are wider than the radius by more than float32 rounds a squared distance, and than where
// that underflows to 0: points in reach of each other are in one cell or in adjacent ones. Column
// and row are whole numbers, as doubles because they exceed int64 for far points and small cells.
struct Cell {
  int64_t image;
  double column;
  double row;

  RAZ_DEVICE Cell(const NmsPoints& points, int64_t i) : image(points.image(i)) {
    const double size = static_cast<double>(points.radius) * (1.0 + 1e-6) + 1e-18;
    column = std::floor(points.points(i, 0) / size);
    row = std::floor(points.points(i, 1) / size);
  }

  // Of one of the nine cells around; 0 is this one. Cells that share a bucket cost time only: who
  // is in reach is asked of the points themselves.
  RAZ_DEVICE uint32_t bucket(int neighbour, int bits) const {
    const int at = (neighbour + 4) % 9;
    uint64_t hash = mix_bits(static_cast<uint64_t>(image));
    hash = mix_bits(hash ^ word(column + (at % 3 - 1)));
    hash = mix_bits(hash ^ word(row + (at / 3 - 1)));
    return static_cast<uint32_t>(hash >> (64 - bits));
  }

 private:
  // + 0.0 makes a negative zero positive: equal cells must have equal bits.
  RAZ_DEVICE static uint64_t word(double value) {
    return __builtin_bit_cast(uint64_t, value + 0.0);
  }
};

struct MakeKeys {
  RAZ_DEVICE void operator()(int64_t i, View<const float, 1> scores, Work work) const {
    const float score = scores(i);
    work.keys[0][i] = score == score ? descending_key(score) : no_number;
    work.order[i] = static_cast<uint32_t>(i);
    if (i == 0) *work.ticket = 0;
  }
};

// By rank: first states, and the keys of the second sort. Empties the buckets.
struct PlacePoints {
  RAZ_DEVICE void operator()(int64_t n, NmsPoints points, Work work) const {
    if (n < int64_t{1} << work.bits) work.buckets[n] = {0, 0};
    if (n >= work.count) return;
    const int64_t i = work.order[n];
    const float x = points.points(i, 0);
    const float y = points.points(i, 1);
    const bool finite = x - x == 0 && y - y == 0;
    work.states[n] = work.keys[0][n] == no_number ? dropped : finite ? undecided : kept;
    work.keys[0][n] = Cell(points, i).bucket(0, work.bits);
    work.ranks[n] = static_cast<uint32_t>(n);
  }
};

// In the order of buckets: the entries, and where each bucket begins and ends.
struct FillBuckets {
  RAZ_DEVICE void operator()(int64_t n, NmsPoints points, const uint32_t* buckets,
                             const uint32_t* ranks, Work work) const {
    const uint32_t rank = ranks[n];
    const uint32_t i = work.order[rank];
    work.entries[n] = {points.points(i, 0), points.points(i, 1), rank, i};
    const uint32_t bucket = buckets[n];
    if (n == 0 || buckets[n - 1] != bucket) work.buckets[bucket].begin = static_cast<uint32_t>(n);
    if (n + 1 == work.count || buckets[n + 1] != bucket) {
      work.buckets[bucket].end = static_cast<uint32_t>(n + 1);
    }
  }
};

// One point's look at the points of higher rank, those at a squared distance of at most `limit`.
class Search {
 public:
  RAZ_DEVICE Search(const NmsPoints& points, int64_t i, uint32_t rank, float limit)
      : cell_(points, i),
        x_(points.points(i, 0)),
        y_(points.points(i, 1)),
        limit_(limit),
        rank_(rank) {}

  // Dropped where one is kept, kept where all are dropped. Until then the next look begins at the
  // first that was undecided: those before it will not change.
  RAZ_DEVICE State look(const NmsPoints& points, const Work& work) {
    int waits_in = -1;
    uint32_t waits_at = 0;
    for (int near = next_; near < 9; ++near) {
      const Range range = work.buckets[cell_.bucket(near, work.bits)];
      uint32_t at = near == next_ && next_at_ > range.begin ? next_at_ : range.begin;
      for (; at < range.end; ++at) {
        const Entry entry = work.entries[at];
        if (entry.rank >= rank_) break;
        if (!reaches(entry) || points.image(entry.index) != cell_.image) continue;
        const uint32_t state = load_acquire(&work.states[entry.rank]);
        if (state == kept) return dropped;
        if (state == undecided && waits_in < 0) {
          waits_in = near;
          waits_at = at;
        }
      }
    }
    if (waits_in < 0) return kept;
    next_ = waits_in;
    next_at_ = waits_at;
    return undecided;
  }

 private:
  RAZ_DEVICE bool reaches(const Entry& other) const {
    const float dx = x_ - other.x;
    const float dy = y_ - other.y;
    return dx * dx + dy * dy <= limit_;
  }

  Cell cell_;
  float x_;
  float y_;
  float limit_;
  uint32_t rank_;
  int next_ = 0;
  uint32_t next_at_ = 0;
};

// A thread a rank. A point waits for points of higher rank alone, and blocks take ranks in the
// order in which they start: whoever is waited for runs, so every point is decided in this one
// launch, as the sequential rule decides it, whatever the order in which threads get there.
// Two kernels, so that radii take no registers where there are none.
template <bool OwnRadii>
struct Settle {
  RAZ_DEVICE void operator()(const Block& block, NmsPoints points, View<bool, 1> mask,
                             Work work) const {
    auto* number = block.shared<int64_t>();
    if (block.thread() == 0) *number = atomic_add(work.ticket, int64_t{1});
    block.sync();
    const int64_t rank = *number * settle_threads + block.thread();
    const bool inside = rank < work.count;
    const int64_t i = inside ? work.order[rank] : 0;
    Search search(points, i, static_cast<uint32_t>(rank), points.limit<OwnRadii>(i));
    uint32_t state = inside ? work.states[rank] : dropped;
    while (block.ballot(state == undecided) != 0) {
      if (state != undecided) continue;
      state = search.look(points, work);
      if (state != undecided) store_release(&work.states[rank], state);
    }
    const uint32_t lanes = block.ballot(state == kept);
    if (block.lane() == 0) {
      work.kept_of_warps[rank / warp_threads] = static_cast<uint32_t>(count_bits(lanes));
    }
    if (inside && mask.data != nullptr) mask(i) = state == kept;
  }
};

// One block: how many points are kept before each warp of ranks, and how many in all.
struct SumKept {
  RAZ_DEVICE void operator()(const Block& block, Work work, int64_t warps, int64_t* total) const {
    auto* scratch = block.shared<int64_t>();
    int64_t before = 0;
    for (int64_t base = 0; base < warps; base += scan_threads) {
      const int64_t i = base + block.thread();
      const int64_t of_warp = i < warps ? work.kept_of_warps[i] : 0;
      const Scan<int64_t> scan = scan_block(block, of_warp, scratch);
      if (i < warps) work.kept_of_warps[i] = static_cast<uint32_t>(before + scan.before);
      before += scan.total;
    }
    if (block.thread() == 0) *total = before;
  }
};

struct WriteKept {
  RAZ_DEVICE void operator()(const Block& block, Work work, int64_t* keep) const {
    const int64_t rank = block.index() * settle_threads + block.thread();
    const bool stays = rank < work.count && work.states[rank] == kept;
    const uint32_t lower = block.ballot(stays) & lanes_below(block.lane());
    if (stays) keep[work.kept_of_warps[rank / warp_threads] + count_bits(lower)] = work.order[rank];
  }
};

// Ranks, then buckets, then who is kept: some 70 bytes a point and pass of a sort, 14 launches for
// up to 2^17 points.
int settle(const NmsPoints& points, View<const float, 1> scores, View<bool, 1> mask,
           const Work& work, void* stream) {
  const int64_t count = work.count;
  int error = launch(MakeKeys{}, count, stream, scores, work);
  if (error != 0) return error;
  static_assert(32 / digit_bits % 2 == 0, "the sorted order is where it was");
  error = sort_pairs({{work.keys[0], work.keys[1]}, {work.order, work.spare}, work.sort_counts},
                     count, 32, stream);
  if (error != 0) return error;
  const int64_t buckets = work.bucket_count();
  error = launch(PlacePoints{}, count > buckets ? count : buckets, stream, points, work);
  if (error != 0) return error;
  const SortBuffers by_bucket{
      {work.keys[0], work.keys[1]}, {work.ranks, work.spare}, work.sort_counts};
  error = sort_pairs(by_bucket, count, work.bits, stream);
  if (error != 0) return error;
  const int place = sorted_place(work.bits);
  error = launch(FillBuckets{}, count, stream, points,
                 static_cast<const uint32_t*>(by_bucket.keys[place]),
                 static_cast<const uint32_t*>(by_bucket.values[place]), work);
  if (error != 0) return error;
  if (points.radii.data == nullptr) {
    return launch_blocks<settle_threads>(Settle<false>{}, work.blocks(), sizeof(int64_t), stream,
                                         points, mask, work);
  }
  // 4 blocks fit on any architecture; for more, compilers spill on some.
  return launch_blocks<settle_threads, 4>(Settle<true>{}, work.blocks(), sizeof(int64_t), stream,
                                          points, mask, work);
}

}  // namespace

int64_t point_nms_workspace(int64_t count) {
  Work work{};
  work.count = count;
  work.bits = bucket_bits(count);
  return work.lay_out([](auto*&, int64_t) {}) / static_cast<int64_t>(sizeof(int64_t));
}

int point_nms_mask(View<const float, 2> points, View<const float, 1> scores,
                   View<const int64_t, 1> batch, float radius, View<const float, 1> radii,
                   int64_t* workspace, View<bool, 1> mask, void* stream) {
  const int64_t count = points.size[0];
  if (count == 0) return 0;
  return settle({points, batch, radius, radii}, scores, mask, work_of(count, workspace), stream);
}

int point_nms_count(View<const float, 2> points, View<const float, 1> scores,
                    View<const int64_t, 1> batch, float radius, View<const float, 1> radii,
                    int64_t* workspace, int64_t* total, void* stream) {
  const Work work = work_of(points.size[0], workspace);
  if (work.count > 0) {
    const int error = settle({points, batch, radius, radii}, scores, {}, work, stream);
    if (error != 0) return error;
  }
  return launch_blocks<scan_threads>(SumKept{}, 1, scan_scratch * sizeof(int64_t), stream, work,
                                     work.warps(), total);
}

int point_nms_keep(int64_t count, int64_t* workspace, int64_t* keep, void* stream) {
  const Work work = work_of(count, workspace);
  return launch_blocks<settle_threads>(WriteKept{}, work.blocks(), 0, stream, work, keep);
}

}  // namespace raz::cuda
