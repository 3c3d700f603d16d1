// Which instruction set the CPU kernels are called with: one setting of the process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "raz/instruction_set.h"

namespace raz {

// The best of this machine, or what was set.
cpu::InstructionSet instruction_set();

// "baseline", "avx2", "avx512": those of this machine and binary, in ascending order.
std::vector<std::string> instruction_set_names();

std::string instruction_set_name();

// False where this machine or binary has no such set; nothing is changed then.
bool set_instruction_set(const std::string& name);

}  // namespace raz
