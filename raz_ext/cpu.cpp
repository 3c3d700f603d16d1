// CPU adapters, one short function an operator: check, allocate, call the kernel.
#include "check.h"
#include "raz/integral_image.h"
#include "tensor.h"

namespace raz {
namespace {

Tensor integral_image_cpu(const Tensor& image, ScalarType dtype) {
  check_dim(image, 3, "image");
  Tensor table = new_empty(image, {image.size(0), image.size(1) + 1, image.size(2) + 1}, dtype);
#define RAZ_TRY(In, Out)                                                                \
  if (image.scalar_type() == scalar_type_of<In> && dtype == scalar_type_of<Out>) {      \
    cpu::integral_image(view<const In, 3>(image), view<Out, 3>(table), torch_parallel); \
    return table;                                                                       \
  }
  RAZ_INTEGRAL_IMAGE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: integral_image is not compiled for this pair of dtypes");
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CPU, m) {
  using namespace raz;
  m.impl("integral_image", TORCH_BOX(&integral_image_cpu));
}
