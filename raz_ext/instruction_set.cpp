#include "instruction_set.h"

#include <algorithm>
#include <atomic>

namespace raz {
namespace {

const char* const names[] = {"baseline", "avx2", "avx512"};

std::atomic<cpu::InstructionSet> current{cpu::best_instruction_set()};

}  // namespace

cpu::InstructionSet instruction_set() { return current.load(std::memory_order_relaxed); }

std::vector<std::string> instruction_set_names() {
  return {names, names + 1 + static_cast<int>(cpu::best_instruction_set())};
}

std::string instruction_set_name() { return names[static_cast<int>(instruction_set())]; }

bool set_instruction_set(const std::string& name) {
  const auto known = instruction_set_names();
  const auto found = std::find(known.begin(), known.end(), name);
  if (found == known.end()) return false;
  current = static_cast<cpu::InstructionSet>(found - known.begin());
  return true;
}

}  // namespace raz
