// Blocks of threads as cuda/launch.h runs them here: what kernels may rely on, and that what would
// hang on a GPU fails.
#include <numeric>

#include "cuda/launch.h"
#include "testing.h"

namespace raz::cuda {
namespace {

using testing::Register;
using testing::require;
using testing::require_same_bits;

// Every block turns its part around through shared memory.
struct Reverse {
  void operator()(const Block& block, View<const int32_t, 1> in, View<int32_t, 1> out) const {
    auto* part = block.shared<int32_t>();
    const int64_t first = block.index() * block.threads();
    part[block.thread()] = in(first + block.thread());
    block.sync();
    out(first + block.thread()) = part[block.threads() - 1 - block.thread()];
  }
};

void barriers_and_shared_memory() {
  constexpr int threads = 64;
  constexpr int blocks = 3;
  std::vector<int32_t> in(threads * blocks);
  std::iota(in.begin(), in.end(), 0);
  std::vector<int32_t> out(in.size());
  std::vector<int32_t> expected;
  for (int b = 0; b < blocks; ++b) {
    for (int i = threads; i-- > 0;) expected.push_back(b * threads + i);
  }
  const int error = launch_blocks<threads>(
      Reverse{}, blocks, threads * sizeof(int32_t), nullptr,
      contiguous_view(static_cast<const int32_t*>(in.data()), threads * blocks),
      contiguous_view(out.data(), threads * blocks));
  require(error == 0, "launch failed");
  require_same_bits(out, expected, "reversed parts");
}

struct Collectives {
  void operator()(const Block& block, View<int64_t, 2> out) const {
    const auto value = static_cast<int64_t>(block.thread()) * 1'000'000'007;
    const int64_t results[] = {
        block.shuffle(value, 5),
        block.shuffle_up(value, 3),
        block.shuffle_down(value, 3),
        block.shuffle_xor(value, 9),
        block.ballot(block.lane() % 3 == 0),
        static_cast<int64_t>(block.shuffle_xor(static_cast<float>(block.thread()), 1)),
    };
    for (int i = 0; i < 6; ++i) out(block.thread(), i) = results[i];
    block.sync_warp();
  }
};

void collectives() {
  constexpr int threads = 96;
  std::vector<int64_t> out(threads * 6);
  launch_blocks<threads>(Collectives{}, 1, 0, nullptr, contiguous_view(out.data(), threads, 6));
  std::vector<int64_t> expected;
  for (int thread = 0; thread < threads; ++thread) {
    const int lane = thread % 32;
    const int first = thread - lane;
    const auto value = [&](int i) { return int64_t{first + i} * 1'000'000'007; };
    int64_t ballot = 0;
    for (int i = 0; i < 32; i += 3) ballot |= int64_t{1} << i;
    expected.insert(expected.end(), {value(5), value(lane < 3 ? lane : lane - 3),
                                     value(lane + 3 < 32 ? lane + 3 : lane), value(lane ^ 9),
                                     ballot, (first + lane) ^ 1});
  }
  require_same_bits(out, expected, "collectives");
}

struct Atomics {
  template <class T>
  void operator()(const Block& block, View<T, 1> words) const {
    const auto value = static_cast<T>(block.index() * block.threads() + block.thread());
    atomic_add(&words(0), value);
    atomic_min(&words(1), static_cast<T>(value + 1));
    atomic_max(&words(2), value);
    atomic_or(&words(3), static_cast<T>(T{1} << (value % 7)));
    atomic_exchange(&words(4), T{5});
    atomic_compare_exchange(&words(5), T{1}, static_cast<T>(value + 10));
  }
};

// What remains does not depend on who came first, but for the last, which one of 64 threads sets.
template <class T>
void atomics() {
  std::vector<T> words{0, 100, 0, 0, 0, 1};
  launch_blocks<32>(Atomics{}, 2, 0, nullptr, contiguous_view(words.data(), 6));
  const T winner = words[5];
  require(winner == 10 || winner == 10 + 31, "compare_exchange changes the word once");
  require_same_bits(words, {64 * 63 / 2, 1, 63, 127, 5, winner}, "words");
}

// Blocks draw a number and add to what the one before it left.
struct Chain {
  void operator()(const Block& block, View<int32_t, 1> ticket, View<int64_t, 1> sums) const {
    auto* drawn = block.shared<int32_t>();
    if (block.thread() == 0) drawn[0] = atomic_add(&ticket(0), 1);
    block.sync();
    if (block.thread() != 0) return;
    int64_t before = 0;
    if (drawn[0] > 0) {
      while ((before = load_acquire(&sums(drawn[0] - 1))) < 0) {
      }
    }
    store_release(&sums(drawn[0]), before + drawn[0]);
  }
};

void blocks_wait_for_lower_ones() {
  std::vector<int32_t> ticket{0};
  std::vector<int64_t> sums(5, -1);
  launch_blocks<32>(Chain{}, 5, sizeof(int32_t), nullptr, contiguous_view(ticket.data(), 1),
                    contiguous_view(sums.data(), 5));
  require_same_bits(sums, {0, 1, 3, 6, 10}, "running sums");
}

// What a launch of two warps and four bytes of shared memory throws.
template <class Kernel>
std::string failure_of(Kernel kernel) {
  try {
    launch_blocks<64>(kernel, 1, 4, nullptr);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void require_failure(const std::string& failure, const std::string& text) {
  require(failure.find(text) != std::string::npos, "the launch says: " + failure);
}

void what_would_hang_fails() {
  require_failure(failure_of([](const Block& block) {
                    if (block.thread() != 7) block.sync();
                  }),
                  "with 63 of 64 threads");
  require_failure(failure_of([](const Block& block) {
                    if (block.lane() != 7) block.ballot(true);
                  }),
                  "with 31 of 32 threads");
  require_failure(failure_of([](const Block& block) {
                    if (block.warp() == 0) {
                      block.sync();
                    } else {
                      block.sync();
                    }
                  }),
                  "threads wait at ");
  require_failure(failure_of([](const Block& block) {
                    while (load_acquire(block.shared<int32_t>()) != 1) {
                    }
                  }),
                  "no lower block has stored");
  require_failure(failure_of([](const Block& block) {
                    if (block.thread() == 40) throw std::runtime_error("thrown by a thread");
                    block.sync();
                  }),
                  "thrown by a thread");
}

// A thread reads what another one writes, without a barrier: right in one order of the threads.
struct LacksBarrier {
  void operator()(const Block& block, View<int32_t, 1> out) const {
    auto* word = block.shared<int32_t>();
    if (block.thread() == 0) word[0] = 1;
    if (block.thread() == 1) out(0) = word[0];
  }
};

void both_orders_are_run() {
  std::vector<int32_t> out{0};
  launch_blocks<32>(LacksBarrier{}, 1, sizeof(int32_t), nullptr, contiguous_view(out.data(), 1));
  require((out[0] == 1) == !emulation::descending, "the order of threads is not as told");
}

void refused_launches() {
  const auto kernel = [](const Block&) {};
  require(launch_blocks<32>(kernel, 0, 0, nullptr) == 0, "no blocks");
  require(launch_blocks<32>(kernel, int64_t{1} << 31, 0, nullptr) != 0, "too many blocks");
  require(launch_blocks<32>(kernel, 1, int64_t{1} << 20, nullptr) != 0, "too much shared memory");
}

const Register sync("launch_blocks: barriers, shared memory", barriers_and_shared_memory);
const Register lanes("launch_blocks: collectives of a warp", collectives);
const Register signed_words("launch_blocks: atomics, int32", atomics<int32_t>);
const Register unsigned_words("launch_blocks: atomics, uint32", atomics<uint32_t>);
const Register long_words("launch_blocks: atomics, int64", atomics<int64_t>);
const Register unsigned_long_words("launch_blocks: atomics, uint64", atomics<uint64_t>);
const Register chain("launch_blocks: blocks wait for lower ones", blocks_wait_for_lower_ones);
const Register hangs("launch_blocks: what would hang fails", what_would_hang_fails);
const Register orders("launch_blocks: both orders of threads are run", both_orders_are_run);
const Register refused("launch_blocks: refused launches", refused_launches);

}  // namespace
}  // namespace raz::cuda
