// What a fuzzer's bytes mean: numbers, choices, and arrays with the strides that torch can have.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "raz/view.h"

namespace raz::fuzz {

// Reads from the front. After the last byte everything is 0.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}

  uint8_t byte() { return at_ == end_ ? 0 : *at_++; }

  uint64_t word(int bytes) {
    uint64_t result = 0;
    for (int i = 0; i < bytes; ++i) result |= static_cast<uint64_t>(byte()) << (8 * i);
    return result;
  }

  // In [low, high].
  int64_t between(int64_t low, int64_t high) {
    const auto range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low) + 1;
    const uint64_t bits = word(range == 0 || range > 0xFFFF ? 8 : range > 0xFF ? 2 : 1);
    return static_cast<int64_t>(static_cast<uint64_t>(low) + (range == 0 ? bits : bits % range));
  }

  bool once_in(int times) { return byte() % times == 1; }

  // A number to break things with: small and on a coarse grid (so that ties are common), a
  // fraction, an odd one (infinite, NaN, denormal, huge, -0), or any bits.
  template <class T>
  T number() {
    if constexpr (std::is_integral_v<T>) {
      const uint8_t kind = byte();
      if (kind < 0xD0) return static_cast<T>(kind % 32);
      return static_cast<T>(word(sizeof(T)));
    } else {
      const uint8_t kind = byte();
      if (kind < 0x80) return static_cast<T>(static_cast<int>(byte()) - 64) / T{4};
      if (kind < 0xC0) return static_cast<T>(word(2)) / T{655.36};
      if (kind < 0xF0) return odd<T>(kind);
      return any_bits<T>();
    }
  }

  // As number, but finite; positive: greater than 0.
  template <class T>
  T finite() {
    const T value = number<T>();
    return std::isfinite(value) ? value : T{1};
  }
  template <class T>
  T positive() {
    const T value = std::abs(finite<T>());
    return value > 0 ? value : T{1};
  }

 private:
  template <class T>
  static T odd(uint8_t kind) {
    using limits = std::numeric_limits<T>;
    const T values[] = {limits::quiet_NaN(),
                        limits::infinity(),
                        -limits::infinity(),
                        limits::denorm_min(),
                        -limits::denorm_min(),
                        limits::max(),
                        limits::lowest(),
                        limits::min(),
                        T{-0.0},
                        limits::epsilon(),
                        T{1} - limits::epsilon() / 2,
                        T{1} + limits::epsilon(),
                        T{2147483648.0},
                        T{9223372036854775808.0},
                        T{-9223372036854775808.0},
                        T{1e18}};
    return values[kind % 16];
  }

  template <class T>
  T any_bits() {
    T result;
    const uint64_t bits = word(sizeof(T));
    std::memcpy(&result, &bits, sizeof(T));
    return result;
  }

  const uint8_t* at_;
  const uint8_t* end_;
};

// Which numbers an array holds: each read from the bytes, or a mix of a few that are.
template <class T>
class Palette {
 public:
  template <class Draw>
  Palette(Bytes& bytes, Draw draw) : state_(bytes.byte()) {
    if (state_ % 4 == 0) return;
    const int64_t count = bytes.between(1, 8);
    for (int64_t i = 0; i < count; ++i) few_.push_back(draw(bytes));
  }

  template <class Draw>
  T next(Bytes& bytes, Draw draw) {
    if (few_.empty()) return draw(bytes);
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return few_[(state_ >> 33) % few_.size()];
  }

 private:
  uint64_t state_;
  std::vector<T> few_;
};

// A row-major view with the strides of torch: those of what has no entry are not 0.
template <class T, class... Size>
View<T, sizeof...(Size)> row_major(T* data, Size... sizes) {
  View<T, sizeof...(Size)> view = contiguous_view(data, std::max<int64_t>(sizes, 1)...);
  int d = 0;
  ((view.size[d++] = sizes), ...);
  return view;
}

// Memory of exactly the size that its view reaches, so that the address sanitizer sees a step
// beyond. Dimensions lie in any order, with gaps. As in torch's tensors, what has no entry has no
// address.
template <class T, int Rank>
class Array {
 public:
  template <class... Size>
  explicit Array(Bytes& bytes, Size... sizes)
      : Array(bytes.byte(), false, {nullptr, {static_cast<int64_t>(sizes)...}, {}}) {}

  View<T, Rank> view() const { return view_; }

 protected:
  // repeats: one dimension may lie on itself (stride 0), as in tensors that torch has expanded.
  Array(uint8_t layout, bool repeats, View<T, Rank> sizes) : view_(sizes) {
    int order[Rank];
    std::iota(order, order + Rank, 0);  // layout 0: row-major, without gaps
    if (layout & 1) std::reverse(order, order + Rank);
    if (layout & 2) std::swap(order[0], order[Rank - 1]);
    if (layout & 4) std::rotate(order, order + 1, order + Rank);
    int64_t step = layout & 8 ? 2 : 1;
    for (int d = Rank - 1; d >= 0; --d) {
      const int dimension = order[d];
      view_.stride[dimension] = step;
      if (repeats && (layout & 16) && dimension == layout / 32 % Rank) {
        view_.stride[dimension] = 0;
        continue;
      }
      step *= std::max<int64_t>(view_.size[dimension], 1);
      if (d == Rank - 1 && (layout & 64)) step += 3;
    }
    allocate(layout & 128 ? 1 : 0);
  }

  T* memory() const { return view_.data; }
  int64_t extent() const { return extent_; }

 private:
  // offset: as from the middle of another tensor, so that nothing is aligned.
  void allocate(int64_t offset) {
    if (view_.numel() == 0) return;
    extent_ = 1;
    for (int d = 0; d < Rank; ++d) extent_ += (view_.size[d] - 1) * view_.stride[d];
    memory_ = std::make_unique<T[]>(static_cast<size_t>(extent_ + offset));
    view_.data = memory_.get() + offset;
  }

  View<T, Rank> view_;
  int64_t extent_ = 0;
  std::unique_ptr<T[]> memory_;
};

// What a kernel reads.
template <class T, int Rank>
class Input : public Array<T, Rank> {
 public:
  template <class Draw, class... Size>
  Input(Bytes& bytes, Draw draw, Size... sizes)
      : Array<T, Rank>(bytes.byte(), true, {nullptr, {static_cast<int64_t>(sizes)...}, {}}) {
    Palette<T> palette(bytes, draw);
    for (int64_t i = 0; i < this->extent(); ++i) this->memory()[i] = palette.next(bytes, draw);
  }

  View<const T, Rank> view() const {
    const View<T, Rank> mine = Array<T, Rank>::view();
    View<const T, Rank> result{mine.data, {}, {}};
    std::copy_n(mine.size, Rank, result.size);
    std::copy_n(mine.stride, Rank, result.stride);
    return result;
  }
};

// The entries of a view, row by row.
template <class T, int Rank>
std::vector<std::remove_const_t<T>> entries(View<T, Rank> view) {
  std::vector<std::remove_const_t<T>> result;
  int64_t index[Rank] = {};
  for (int64_t n = view.numel(); n > 0; --n) {
    int64_t offset = 0;
    for (int d = 0; d < Rank; ++d) offset += index[d] * view.stride[d];
    result.push_back(view.data[offset]);
    for (int d = Rank - 1; d >= 0 && ++index[d] == view.size[d]; --d) index[d] = 0;
  }
  return result;
}

// What a kernel writes.
template <class T, int Rank>
class Output : public Array<T, Rank> {
 public:
  using Array<T, Rank>::Array;

  // What `run` writes into memory that was full of `mark`, row by row. Between the entries the
  // mark must stay.
  template <class Run>
  std::vector<T> of(T mark, Run&& run) const {
    T* const memory = this->memory();
    std::fill_n(memory, this->extent(), mark);
    run(this->view());
    std::vector<T> result = entries(this->view());
    const auto marks = [&] { return std::count(memory, memory + this->extent(), mark); };
    const auto before = marks();
    const auto written = std::count(result.begin(), result.end(), mark);
    if (before - written != this->extent() - this->view().numel()) {
      throw std::runtime_error("memory between the entries was written");
    }
    return result;
  }
};

}  // namespace raz::fuzz
