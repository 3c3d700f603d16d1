// The vectors of cpu/vector.inc in plain C++, for compilers without vector extensions. Operators
// work lane by lane; those that compare give 0 or -1 in an integer of the same size.
#pragma once

#include <cstdint>
#include <type_traits>

namespace raz::cpu {

template <class T, int lanes>
struct PlainVector {
  using Mask = PlainVector<std::conditional_t<sizeof(T) == 4, int32_t, int64_t>, lanes>;

  T lane[lanes];

  T& operator[](int i) { return lane[i]; }
  const T& operator[](int i) const { return lane[i]; }

  template <class F>
  static PlainVector made(F&& at) {
    PlainVector result;
    for (int i = 0; i < lanes; ++i) result.lane[i] = static_cast<T>(at(i));
    return result;
  }

  static PlainVector all(T value) {
    return made([&](int) { return value; });
  }

  PlainVector operator-() const {
    return made([&](int i) { return -lane[i]; });
  }

#define RAZ_LANES(Result, op, value)                                                        \
  friend Result operator op(const PlainVector& a, const PlainVector& b) {                   \
    return Result::made([&](int i) { return value; });                                      \
  }                                                                                         \
  friend Result operator op(const PlainVector& a, T b) { return a op PlainVector::all(b); } \
  friend Result operator op(T a, const PlainVector& b) { return PlainVector::all(a) op b; }
  RAZ_LANES(PlainVector, +, a[i] + b[i])
  RAZ_LANES(PlainVector, -, a[i] - b[i])
  RAZ_LANES(PlainVector, *, a[i] * b[i])
  RAZ_LANES(PlainVector, /, a[i] / b[i])
  RAZ_LANES(PlainVector, &, a[i] & b[i])
  RAZ_LANES(PlainVector, |, a[i] | b[i])
  RAZ_LANES(Mask, <, a[i] < b[i] ? -1 : 0)
  RAZ_LANES(Mask, >, a[i] > b[i] ? -1 : 0)
  RAZ_LANES(Mask, <=, a[i] <= b[i] ? -1 : 0)
  RAZ_LANES(Mask, >=, a[i] >= b[i] ? -1 : 0)
  RAZ_LANES(Mask, !=, a[i] != b[i] ? -1 : 0)
#undef RAZ_LANES

  template <class Other>
  PlainVector& operator+=(const Other& other) {
    return *this = *this + other;
  }
  template <class Other>
  PlainVector& operator*=(const Other& other) {
    return *this = *this * other;
  }
  template <class Other>
  PlainVector& operator|=(const Other& other) {
    return *this = *this | other;
  }
};

template <class T, int lanes>
inline PlainVector<T, lanes> lanes_of(const typename PlainVector<T, lanes>::Mask& mask,
                                      const PlainVector<T, lanes>& a,
                                      const PlainVector<T, lanes>& b) {
  return PlainVector<T, lanes>::made([&](int i) { return mask[i] != 0 ? a[i] : b[i]; });
}

template <class Result, class T, int lanes>
inline Result lanes_as(const PlainVector<T, lanes>& values) {
  return Result::made([&](int i) { return values[i]; });
}

template <int... i, class T, int lanes>
inline PlainVector<T, sizeof...(i)> lanes_from(const PlainVector<T, lanes>& a,
                                               const PlainVector<T, lanes>& b) {
  return {{(i < lanes ? a[i] : b[i - lanes])...}};
}

}  // namespace raz::cpu
