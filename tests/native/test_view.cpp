#include <cstdint>

#include "raz/view.h"
#include "testing.h"

namespace raz::testing {
namespace {

void no_elements() {
  const View<const float, 3> view{nullptr, {2, INT64_MAX, 0}, {}};
  require(view.numel() == 0, "there are none, whatever the product of the other sizes");
}

const Register overflow("view without elements", no_elements);

}  // namespace
}  // namespace raz::testing
