// CUDA adapters: the same as cpu.cpp, on torch's current stream and the tensor's own device.
// Nothing here launches a kernel by itself or waits for one.
#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>

#include "check.h"
#include "raz/integral_image.h"
#include "raz/score_anchors.h"
#include "tensor.h"

// Weak: a CPU-only torch does not export it, and the module must load there all the same.
extern "C" __attribute__((weak)) AOTITorchError
aoti_torch_get_current_cuda_stream(int32_t device_index, void** ret_stream);

namespace raz {
namespace {

using torch::stable::accelerator::DeviceGuard;

void* current_stream(const Tensor& tensor) {
  void* stream = nullptr;
  STD_TORCH_CHECK(aoti_torch_get_current_cuda_stream != nullptr,
                  "raz: this torch was built without CUDA");
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(tensor.get_device(), &stream));
  return stream;
}

void check_launch(int error, const char* op) {
  STD_TORCH_CHECK(error == 0, "raz: ", op, ": CUDA error ", error);
}

Tensor integral_image_cuda(const Tensor& image, ScalarType dtype) {
  check_dim(image, 3, "image");
  const DeviceGuard guard(image.get_device());
  Tensor table = new_empty(image, {image.size(0), image.size(1) + 1, image.size(2) + 1}, dtype);
#define RAZ_TRY(In, Out)                                                             \
  if (image.scalar_type() == scalar_type_of<In> && dtype == scalar_type_of<Out>) {   \
    check_launch(cuda::integral_image(view<const In, 3>(image), view<Out, 3>(table), \
                                      current_stream(image)),                        \
                 "integral_image");                                                  \
    return table;                                                                    \
  }
  RAZ_INTEGRAL_IMAGE_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: integral_image is not compiled for this pair of dtypes");
}

Tensor score_anchors_cuda(const Tensor& integral, const Tensor& boxes, bool mean) {
  check_anchors(integral, boxes);
  const DeviceGuard guard(boxes.get_device());
#define RAZ_TRY(Table, Box, Out)                                                                \
  if (integral.scalar_type() == scalar_type_of<Table> &&                                        \
      boxes.scalar_type() == scalar_type_of<Box>) {                                             \
    Tensor scores = new_empty(boxes, {boxes.size(0), boxes.size(1)}, scalar_type_of<Out>);      \
    check_launch(cuda::score_anchors(view<const Table, 3>(integral), view<const Box, 3>(boxes), \
                                     view<Out, 2>(scores), mean, current_stream(boxes)),        \
                 "score_anchors");                                                              \
    return scores;                                                                              \
  }
  RAZ_SCORE_ANCHORS_TYPES(RAZ_TRY)
#undef RAZ_TRY
  STD_TORCH_CHECK(false, "raz: score_anchors is not compiled for this pair of dtypes");
}

}  // namespace
}  // namespace raz

STABLE_TORCH_LIBRARY_IMPL(raz, CUDA, m) {
  using namespace raz;
  m.impl("integral_image", TORCH_BOX(&integral_image_cuda));
  m.impl("score_anchors", TORCH_BOX(&score_anchors_cuda));
}
