// The Python module raz._C. Importing it registers the operators (schema.cpp, cpu.cpp, cuda.cpp).
#include <pybind11/pybind11.h>

#include <string>

namespace py = pybind11;
using namespace pybind11::literals;

namespace {

// What this binary was built from: for `raz doctor`, bug reports and the assertions of CI.
py::dict build_info() {
  return py::dict("version"_a = RAZ_VERSION, "compiler"_a = RAZ_COMPILER,
                  "torch_target"_a = RAZ_TORCH_TARGET, "cuda"_a = bool(RAZ_WITH_CUDA),
                  "cuda_compiler"_a = RAZ_CUDA_COMPILER,
                  "cuda_architectures"_a = RAZ_CUDA_ARCHITECTURES);
}

}  // namespace

PYBIND11_MODULE(_C, m) {
  m.doc() = "Native operators of raz. Use raz.ops; this module only registers them.";
  m.def("build_info", &build_info,
        "Facts of this build as a dict: version, compiler, torch_target (the oldest torch whose "
        "stable ABI it needs), cuda (bool), cuda_compiler, cuda_architectures.");
}
