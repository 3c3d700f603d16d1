#include <cuda_runtime.h>

#include "raz/cuda_error.h"

namespace raz::cuda {

const char* error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

}  // namespace raz::cuda
