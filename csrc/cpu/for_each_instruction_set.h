// Compiles the file RAZ_KERNEL_FILE once for each instruction set, each in a namespace of its own:
//
//   #include <...>                                 // all that the kernel file needs
//   #define RAZ_KERNEL_FILE "cpu/integral_image_rows.inc"
//   #include "cpu/for_each_instruction_set.h"
//
// The kernel file sees `vector_bytes`, includes nothing and writes no lambdas: the compiler
// compiles a lambda's body for the baseline. One translation unit holds all sets, so that no inline
// function of a header can be linked in a version that an older machine does not have.
// RAZ_FOR_INSTRUCTION_SET(set, f) is the f of the set; on other processors there is the baseline
// alone.
//
// No contraction into FMA in any set (CMakeLists.txt): all give the same bits where the kernel
// adds in the same order.

#include "raz/compiler.h"

#if RAZ_GNU && defined(__x86_64__) && !defined(__clang__)
#define RAZ_X86_KERNELS 1
#else
#define RAZ_X86_KERNELS 0
#endif

#if RAZ_X86_KERNELS
#include <immintrin.h>
#endif
#if !RAZ_GNU
#include "cpu/plain_vector.h"
#endif

#undef RAZ_FOR_INSTRUCTION_SET
#if RAZ_X86_KERNELS
#define RAZ_FOR_INSTRUCTION_SET(set, ...)                             \
  ((set) == ::raz::cpu::InstructionSet::avx512 ? &avx512::__VA_ARGS__ \
   : (set) == ::raz::cpu::InstructionSet::avx2 ? &avx2::__VA_ARGS__   \
                                               : &baseline::__VA_ARGS__)
#else
// Not a comma expression: in one, the compiler cannot tell which function a template's name means.
#define RAZ_FOR_INSTRUCTION_SET(set, ...) \
  ((set) == ::raz::cpu::InstructionSet::baseline ? &baseline::__VA_ARGS__ : &baseline::__VA_ARGS__)
#endif

#ifdef RAZ_KERNEL_FILE

namespace raz::cpu::baseline {
constexpr int vector_bytes = 16;
#include RAZ_KERNEL_FILE
}  // namespace raz::cpu::baseline

#if RAZ_X86_KERNELS
#pragma GCC push_options
#pragma GCC target("avx2")
namespace raz::cpu::avx2 {
constexpr int vector_bytes = 32;
#include RAZ_KERNEL_FILE
}  // namespace raz::cpu::avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
namespace raz::cpu::avx512 {
constexpr int vector_bytes = 64;
#include RAZ_KERNEL_FILE
}  // namespace raz::cpu::avx512
#pragma GCC pop_options
#endif

#undef RAZ_KERNEL_FILE
#endif
