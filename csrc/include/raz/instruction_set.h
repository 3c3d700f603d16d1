// Which vector instructions the CPU kernels use. The sets are compiled side by side into one binary
// (cpu/for_each_instruction_set.h) and the caller chooses: a kernel holds no global state.
#pragma once

namespace raz::cpu {

// In ascending order: a machine that has one has those before it.
enum class InstructionSet { baseline, avx2, avx512 };

// The widest that this machine has and the binary was compiled for.
InstructionSet best_instruction_set();

}  // namespace raz::cpu
