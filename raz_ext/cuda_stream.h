// What every CUDA adapter needs: torch's current stream, a guard of the tensor's device, and the
// error of a launch.
#pragma once

#include <torch/csrc/inductor/aoti_torch/c/shim.h>
#include <torch/csrc/stable/accelerator.h>

#include "raz/compiler.h"
#include "raz/cuda_error.h"
#include "tensor.h"

// Weak: a CPU-only torch does not export it, and the module must load there all the same.
extern "C" RAZ_WEAK AOTITorchError aoti_torch_get_current_cuda_stream(int32_t device_index,
                                                                      void** ret_stream);

namespace raz {

using torch::stable::accelerator::DeviceGuard;

inline void* current_stream(const Tensor& tensor) {
  void* stream = nullptr;
  STD_TORCH_CHECK(aoti_torch_get_current_cuda_stream != nullptr,
                  "raz: this torch was built without CUDA");
  TORCH_ERROR_CODE_CHECK(aoti_torch_get_current_cuda_stream(tensor.get_device(), &stream));
  return stream;
}

inline void check_launch(int error, const char* op) {
  STD_TORCH_CHECK(error == 0, "raz: ", op, ": ", cuda::error_text(error), " (CUDA error ", error,
                  ")");
}

}  // namespace raz
