#include "raz/instruction_set.h"

#include "cpu/for_each_instruction_set.h"

namespace raz::cpu {

InstructionSet best_instruction_set() {
#if RAZ_X86_KERNELS
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx512) return InstructionSet::avx512;
  if (__builtin_cpu_supports("avx2")) return InstructionSet::avx2;
#endif
  return InstructionSet::baseline;
}

}  // namespace raz::cpu
