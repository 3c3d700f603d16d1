// Threads are the caller's: a kernel is handed a Parallel and never starts a thread of its own.
#pragma once

#include <cstdint>
#include <type_traits>

namespace raz {

// Runs task(begin, end) over chunks that partition [0, count), in any order and on any threads.
// A kernel's result must not depend on how the range is cut. Tasks must not throw.
struct Parallel {
  using Task = void (*)(void* context, int64_t begin, int64_t end);
  using Run = void (*)(int64_t count, int64_t grain, Task task, void* context);

  Run run;

  // grain: the fewest items worth a thread of their own.
  template <class F>
  void operator()(int64_t count, int64_t grain, F&& task) const {
    if (count <= 0) return;
    using Function = std::remove_reference_t<F>;
    auto call = [](void* context, int64_t begin, int64_t end) {
      (*static_cast<Function*>(context))(begin, end);
    };
    run(count, grain < 1 ? 1 : grain, call, const_cast<void*>(static_cast<const void*>(&task)));
  }
};

// Everything on the calling thread.
inline constexpr Parallel serial{
    [](int64_t count, int64_t, Parallel::Task task, void* context) { task(context, 0, count); }};

}  // namespace raz
