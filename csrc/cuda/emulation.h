// Blocks of threads on a machine without a GPU: each thread is a fiber on the one thread of the
// test, and runs until it waits for others. Blocks run one after the other in order of index, so a
// block may wait for lower ones only. What would hang or be undefined on a GPU throws
// std::runtime_error: a barrier that not all threads reach, a collective that not all lanes reach,
// threads that meet at different places, a wait for a value that nobody stores. Shared memory has
// its exact size and no zeros. For the tests alone.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <source_location>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace raz::cuda::emulation {

inline constexpr int warp_threads = 32;
inline constexpr int64_t stack_bytes = int64_t{128} << 10;
inline constexpr int64_t most_shared_bytes = int64_t{64} << 10;  // of the oldest GPU that is served

// Threads run in ascending order between two barriers, or in descending order: a kernel that lacks
// a barrier is right in one of them at most. tests/native/main.cpp runs every case that launches in
// both.
inline bool descending = false;
inline int64_t launches = 0;

// Where all of some threads come together.
struct Meeting {
  int members = 0;
  int arrived = 0;
  int64_t past = 0;  // how often all have come together
  std::source_location place;
};

// 8 bytes of each lane, twice: a lane may be one meeting ahead of those that still read.
struct Exchange {
  Meeting meeting;
  uint64_t words[2][warp_threads];
};

struct Fiber {
  ucontext_t context;
  Meeting* awaited = nullptr;
  int64_t past = 0;
  bool done = false;
};

// The threads of a block.
class Team {
 public:
  Team(int threads, int64_t shared_bytes, std::function<void(int)> body)
      : fibers_(static_cast<size_t>(threads)),
        warps_(static_cast<size_t>(threads / warp_threads)),
        shared_(static_cast<size_t>(shared_bytes), 0xA5),
        body_(std::move(body)) {
    everyone_.members = threads;
    for (Exchange& warp : warps_) warp.meeting.members = warp_threads;
  }

  void run() {
    for (size_t i = 0; i < fibers_.size(); ++i) prepare(i);
    const auto count = static_cast<int64_t>(fibers_.size());
    for (int64_t left = count; left > 0;) {
      bool stuck = true;
      for (int64_t i = 0; i < count; ++i) {
        running_ = static_cast<int>(descending ? count - 1 - i : i);
        Fiber& fiber = fibers_[static_cast<size_t>(running_)];
        if (fiber.done || (fiber.awaited != nullptr && fiber.awaited->past == fiber.past)) continue;
        stuck = false;
        resume(fiber);
        if (failure_) std::rethrow_exception(failure_);
        left -= fiber.done;
      }
      if (stuck) throw std::runtime_error(who_waits());
    }
  }

  // Returns when all threads, or all lanes of the warp, have come.
  void meet(Meeting& meeting, const std::source_location& place) {
    if (meeting.arrived == 0) meeting.place = place;
    if (!same(meeting.place, place)) {
      throw std::runtime_error("threads wait at " + text(meeting.place) + " and at " + text(place));
    }
    Fiber& fiber = fibers_[static_cast<size_t>(running_)];
    fiber.past = meeting.past;
    if (++meeting.arrived == meeting.members) {
      meeting.arrived = 0;
      ++meeting.past;
      return;
    }
    fiber.awaited = &meeting;
    pause(fiber);
    fiber.awaited = nullptr;
  }

  Meeting& everyone() { return everyone_; }
  Exchange& warp(int index) { return warps_[static_cast<size_t>(index)]; }
  unsigned char* shared() { return shared_.data(); }

 private:
  static bool same(const std::source_location& a, const std::source_location& b) {
    return a.line() == b.line() && a.column() == b.column() &&
           (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
  }

  static std::string text(const std::source_location& place) {
    return std::string(place.file_name()) + ":" + std::to_string(place.line());
  }

  std::string who_waits() const {
    for (size_t i = 0; i < fibers_.size(); ++i) {
      const Meeting* awaited = fibers_[i].awaited;
      if (fibers_[i].done || awaited == nullptr) continue;
      return "thread " + std::to_string(i) + " waits at " + text(awaited->place) + " with " +
             std::to_string(awaited->arrived) + " of " + std::to_string(awaited->members) +
             " threads";
    }
    return "no thread can run";
  }

  static char* stack(size_t i) {
    static std::vector<std::unique_ptr<char[]>> stacks;
    while (stacks.size() <= i) stacks.emplace_back(new char[stack_bytes]);
    return stacks[i].get();
  }

  void prepare(size_t i) {
    Fiber& fiber = fibers_[i];
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = stack(i);
    fiber.context.uc_stack.ss_size = stack_bytes;
    fiber.context.uc_link = nullptr;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stack(i), stack_bytes);  // a fiber before it may have thrown
#endif
    makecontext(&fiber.context, &Team::enter, 0);
    // The address sanitizer's swapcontext would forget all marks on that stack at each switch.
    fiber.context.uc_stack.ss_sp = nullptr;
    fiber.context.uc_stack.ss_size = 0;
  }

  static void enter() {
    Team& team = *current;
    team.arrive_in_fiber(nullptr);
    Fiber& fiber = team.fibers_[static_cast<size_t>(team.running_)];
    try {
      team.body_(team.running_);
    } catch (...) {
      team.failure_ = std::current_exception();
    }
    fiber.done = true;
    team.leave_fiber(nullptr);
    swapcontext(&fiber.context, &team.scheduler_);
  }

  void resume(Fiber& fiber) {
    current = this;
#if defined(__SANITIZE_ADDRESS__)
    void* fake_stack = nullptr;
    __sanitizer_start_switch_fiber(&fake_stack, stack(static_cast<size_t>(running_)), stack_bytes);
    swapcontext(&scheduler_, &fiber.context);
    __sanitizer_finish_switch_fiber(fake_stack, nullptr, nullptr);
#else
    swapcontext(&scheduler_, &fiber.context);
#endif
  }

  void pause(Fiber& fiber) {
    void* fake_stack = nullptr;
    leave_fiber(&fake_stack);
    swapcontext(&fiber.context, &scheduler_);
    arrive_in_fiber(fake_stack);
  }

  // What the address sanitizer must know of a switch, on the fiber's side.
  void leave_fiber([[maybe_unused]] void** fake_stack) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(fake_stack, main_stack_, main_stack_bytes_);
#endif
  }
  void arrive_in_fiber([[maybe_unused]] void* fake_stack) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake_stack, &main_stack_, &main_stack_bytes_);
#endif
  }

  static inline Team* current = nullptr;

  std::vector<Fiber> fibers_;
  std::vector<Exchange> warps_;
  Meeting everyone_;
  std::vector<unsigned char> shared_;
  std::function<void(int)> body_;
  ucontext_t scheduler_;
  int running_ = 0;
  std::exception_ptr failure_;
  [[maybe_unused]] const void* main_stack_ = nullptr;
  [[maybe_unused]] size_t main_stack_bytes_ = 0;
};

}  // namespace raz::cuda::emulation

namespace raz::cuda {

// See cuda/launch.h.
class Block {
 public:
  using Place = std::source_location;

  Block(emulation::Team& team, int64_t index, int64_t count, int thread, int threads)
      : team_(team), index_(index), count_(count), thread_(thread), threads_(threads) {}

  int64_t index() const { return index_; }
  int64_t count() const { return count_; }
  int thread() const { return thread_; }
  int threads() const { return threads_; }
  int lane() const { return thread_ % emulation::warp_threads; }
  int warp() const { return thread_ / emulation::warp_threads; }

  template <class T>
  T* shared() const {
    return reinterpret_cast<T*>(team_.shared());
  }

  void sync(Place place = Place::current()) const { team_.meet(team_.everyone(), place); }
  void sync_warp(Place place = Place::current()) const {
    team_.meet(team_.warp(warp()).meeting, place);
  }

  template <class T>
  T shuffle(T value, int lane, Place place = Place::current()) const {
    return exchange(value, lane % emulation::warp_threads, place);
  }
  template <class T>
  T shuffle_up(T value, int lanes, Place place = Place::current()) const {
    return exchange(value, lane() >= lanes ? lane() - lanes : lane(), place);
  }
  template <class T>
  T shuffle_down(T value, int lanes, Place place = Place::current()) const {
    const bool inside = lane() + lanes < emulation::warp_threads;
    return exchange(value, inside ? lane() + lanes : lane(), place);
  }
  template <class T>
  T shuffle_xor(T value, int mask, Place place = Place::current()) const {
    return exchange(value, lane() ^ mask, place);
  }

  uint32_t ballot(bool holds, Place place = Place::current()) const {
    const uint64_t* words = publish(holds, place);
    uint32_t bits = 0;
    for (int i = 0; i < emulation::warp_threads; ++i) bits |= static_cast<uint32_t>(words[i]) << i;
    return bits;
  }

 private:
  // What all lanes said.
  const uint64_t* publish(uint64_t word, const Place& place) const {
    emulation::Exchange& warp = team_.warp(this->warp());
    uint64_t* words = warp.words[warp.meeting.past % 2];
    words[lane()] = word;
    team_.meet(warp.meeting, place);
    return words;
  }

  template <class T>
  T exchange(T value, int lane, const Place& place) const {
    static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 4 || sizeof(T) == 8));
    uint64_t word = 0;
    std::memcpy(&word, &value, sizeof value);
    word = publish(word, place)[lane];
    std::memcpy(&value, &word, sizeof value);
    return value;
  }

  emulation::Team& team_;
  int64_t index_;
  int64_t count_;
  int thread_;
  int threads_;
};

namespace emulation {

// Returns the cudaError_t of a launch that a GPU would refuse.
template <class Body>
int run_blocks(int threads, int64_t blocks, int64_t shared_bytes, const Body& body) {
  constexpr int invalid_value = 1;
  constexpr int invalid_configuration = 9;
  if (blocks <= 0) return 0;
  if (blocks > (int64_t{1} << 31) - 1) return invalid_configuration;
  if (shared_bytes < 0 || shared_bytes > most_shared_bytes) return invalid_value;
  ++launches;
  for (int64_t index = 0; index < blocks; ++index) {
    Team* of_block = nullptr;
    Team team(threads, shared_bytes,
              [&](int thread) { body(Block(*of_block, index, blocks, thread, threads)); });
    of_block = &team;
    team.run();
  }
  return 0;
}

// Fibers are not interrupted, so nothing here needs to be atomic.
template <class T, class Change>
T change(T* at, Change change) {
  static_assert(std::is_same_v<T, int32_t> || std::is_same_v<T, uint32_t> ||
                std::is_same_v<T, int64_t> || std::is_same_v<T, uint64_t>);
  const T old = *at;
  *at = change(old);
  return old;
}

}  // namespace emulation

template <class T>
T atomic_add(T* at, T value) {
  using Word = std::make_unsigned_t<T>;  // wraps, as on the GPU
  return emulation::change(
      at, [&](T old) { return static_cast<T>(static_cast<Word>(old) + static_cast<Word>(value)); });
}
template <class T>
T atomic_min(T* at, T value) {
  return emulation::change(at, [&](T old) { return std::min(old, value); });
}
template <class T>
T atomic_max(T* at, T value) {
  return emulation::change(at, [&](T old) { return std::max(old, value); });
}
template <class T>
T atomic_or(T* at, T value) {
  return emulation::change(at, [&](T old) { return static_cast<T>(old | value); });
}
template <class T>
T atomic_exchange(T* at, T value) {
  return emulation::change(at, [&](T) { return value; });
}
template <class T>
T atomic_compare_exchange(T* at, T expected, T value) {
  return emulation::change(at, [&](T old) { return old == expected ? value : old; });
}

inline void thread_fence() {}

template <class T>
T load_acquire(const T* at) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  constexpr int64_t most_loads = int64_t{1} << 20;
  static const void* last_at = nullptr;
  static T last_value;
  static int64_t repeated = 0;
  repeated = at == last_at && std::memcmp(at, &last_value, sizeof(T)) == 0 ? repeated + 1 : 0;
  if (repeated > most_loads) {
    repeated = 0;
    throw std::runtime_error("waits for a value that no lower block has stored");
  }
  last_at = at;
  last_value = *at;
  return last_value;
}

template <class T>
void store_release(T* at, T value) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8);
  *at = value;
}

}  // namespace raz::cuda
