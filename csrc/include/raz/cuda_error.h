// What the codes mean that the CUDA kernels return.
#pragma once

namespace raz::cuda {

// The runtime's text for a cudaError_t, such as "no kernel image is available for execution on the
// device". It belongs to the runtime and is never freed.
const char* error_text(int error);

}  // namespace raz::cuda
