// What compilers spell differently. GCC and clang have attributes, vectors and requests for cache
// lines; other compilers, and these two where RAZ_PLAIN_CPP is defined, get C++ without any of it,
// which computes the same. `make plain` tests it.
#pragma once

#if defined(__GNUC__) && !defined(RAZ_PLAIN_CPP)
#define RAZ_GNU 1
#else
#define RAZ_GNU 0
#endif

#define RAZ_PRAGMA(text) _Pragma(#text)

#if RAZ_GNU
#define RAZ_ALWAYS_INLINE [[gnu::always_inline]]
#else
#define RAZ_ALWAYS_INLINE
#endif

// A function that may be missing where the module is loaded, and is then null. Not on Windows.
#if defined(__GNUC__) && !defined(_WIN32)
#define RAZ_WEAK __attribute__((weak))
#else
#define RAZ_WEAK
#endif

// Before a loop.
#if defined(__CUDACC__)
#define RAZ_UNROLL(count) RAZ_PRAGMA(unroll count)
#elif RAZ_GNU
#define RAZ_UNROLL(count) RAZ_PRAGMA(GCC unroll count)
#else
#define RAZ_UNROLL(count)
#endif

// Asks for the line of an address that is read soon, or written.
#if RAZ_GNU
#define RAZ_PREFETCH(address) __builtin_prefetch(address)
#define RAZ_PREFETCH_TO_WRITE(address) __builtin_prefetch(address, 1)
#else
#define RAZ_PREFETCH(address) static_cast<void>(address)
#define RAZ_PREFETCH_TO_WRITE(address) static_cast<void>(address)
#endif
