// What the fuzz targets share. A target is one file, fuzz_<operator>.cpp, that defines try_one:
// it reads a problem from the bytes, within what the adapters of raz_ext let through, and throws
// where a result is not what the operator's header promises.
//
// Under clang libFuzzer runs it, elsewhere driver.cpp. Only g++ compiles several instruction sets
// and the emulated CUDA kernels: there they are compared too (RAZ_FUZZ_CUDA). Under the thread
// sanitizer kernels work in several threads at once, which share what they read.
#pragma once

#include <optional>
#include <thread>

#include "fuzz/bytes.h"
#include "raz/instruction_set.h"
#include "raz/parallel.h"
#include "testing.h"

#ifdef RAZ_FUZZ_CUDA
#include "cuda/launch.h"
#endif

namespace raz::fuzz {

using testing::piecewise;
using testing::require;
using testing::require_same_values;

void try_one(Bytes& bytes);

#if defined(__SANITIZE_THREAD__)
inline constexpr bool seeks_races = true;
#else
inline constexpr bool seeks_races = false;
#endif

// A range in three, each on a thread of its own.
inline constexpr Parallel threaded{[](int64_t count, int64_t, Parallel::Task task, void* context) {
  std::vector<std::jthread> threads;
  for (int64_t part = 0; part < 3; ++part) {
    const int64_t begin = count * part / 3;
    const int64_t end = count * (part + 1) / 3;
    if (begin < end) threads.emplace_back(task, context, begin, end);
  }
}};

// What run() returns. For kernels that take no Parallel: where races are sought, two more threads
// do the same at once.
template <class Run>
auto once_or_at_once(Run&& run) {
  std::vector<std::jthread> others;
  for (int i = 0; i < 2 && seeks_races; ++i) others.emplace_back([&run] { run(); });
  return run();
}

// run(parallel) with the range whole, in pieces, and where races are sought on threads.
template <class Run>
void for_each_cut(Run&& run) {
  run(serial);
  run(piecewise);
  if (seeks_races) run(threaded);
}

// The same for each instruction set: run(parallel, set).
template <class Run>
void for_each_way(Run&& run) {
  for (int set = 0; set < static_cast<int>(cpu::best_instruction_set()); ++set) {
    run(serial, static_cast<cpu::InstructionSet>(set));
  }
  for_each_cut([&](const Parallel& parallel) { run(parallel, cpu::best_instruction_set()); });
}

// One launch takes as long as hundreds of CPU kernels: now and then.
inline bool with_cuda(Bytes& bytes) {
  const uint8_t choice = bytes.byte();
#ifdef RAZ_FUZZ_CUDA
  cuda::emulation::descending = choice & 128;
#endif
  return choice % 16 == 1;
}

// A side in pixels: mostly of a few, sometimes of more than a vector, a strip or a tile has.
inline int64_t side(Bytes& bytes) {
  return bytes.once_in(8) ? bytes.between(0, 300) : bytes.between(0, 20);
}

template <class T>
T number(Bytes& bytes) {
  return bytes.number<T>();
}

template <class T>
T finite(Bytes& bytes) {
  return bytes.finite<T>();
}

template <class T>
T positive(Bytes& bytes) {
  return bytes.positive<T>();
}

// The image of a row: mostly one of `images`, else any label.
inline auto label_of(int64_t images) {
  return [images](Bytes& bytes) {
    return bytes.once_in(32) ? static_cast<int64_t>(bytes.word(8)) : bytes.between(-1, images);
  };
}

using Labels = std::optional<Input<int64_t, 1>>;

// The image of each of `rows`, or none: all are of one image.
inline Labels labels(Bytes& bytes, int64_t rows, int64_t images) {
  Labels result;
  if (bytes.once_in(2)) result.emplace(bytes, label_of(images), rows);
  return result;
}

template <class T>
View<const T, 1> view_or_none(const std::optional<Input<T, 1>>& values) {
  return values ? values->view() : View<const T, 1>{};
}

}  // namespace raz::fuzz
