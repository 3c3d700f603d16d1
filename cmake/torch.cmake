# Finds the installed torch and defines the target raz_torch.
#
# find_package(Torch) is not used: it fails where torch has CUDA and the machine no toolkit, and it
# overrides the architectures. -I makes the interpreter look past an isolated build's own path, to
# the environment that raz is being installed into, so that no second torch is downloaded.
find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
# Without it is the second try: a torch that only the build's own path holds (PYTHONPATH, user site).
set(torch_dir "")
foreach(isolated -I "")
  if(NOT torch_dir)
    execute_process(
      COMMAND ${Python_EXECUTABLE} ${isolated} -c "from importlib.util import find_spec; s = find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
      OUTPUT_VARIABLE torch_dir OUTPUT_STRIP_TRAILING_WHITESPACE)
  endif()
endforeach()
if(NOT torch_dir)
  message(FATAL_ERROR
    "raz is built against the torch that it will run with, and none is installed for "
    "${Python_EXECUTABLE}. Install torch >= 2.10 first (pip install torch), then raz. Tools that "
    "build in an environment of their own (uv, python -m build) need --no-build-isolation "
    "(--no-isolation), and scikit-build-core and pybind11 installed.")
endif()

file(STRINGS ${torch_dir}/version.py torch_version_lines REGEX "^(__version__|cuda)")
string(REGEX MATCH "__version__ = '([0-9]+\\.[0-9]+)" _ "${torch_version_lines}")
if(CMAKE_MATCH_1 VERSION_LESS 2.10)
  message(FATAL_ERROR "raz needs torch >= 2.10 (stable ABI); found ${CMAKE_MATCH_1} in ${torch_dir}")
endif()
message(STATUS "raz: torch ${CMAKE_MATCH_1} in ${torch_dir}")
set(RAZ_TORCH_HAS_CUDA OFF)
if(torch_version_lines MATCHES "cuda[^;]*= '")
  set(RAZ_TORCH_HAS_CUDA ON)
endif()

add_library(raz_torch INTERFACE)
target_include_directories(raz_torch SYSTEM INTERFACE ${torch_dir}/include)
# The stable ABI of torch 2.10: one binary for that and every later torch.
target_compile_definitions(raz_torch INTERFACE TORCH_TARGET_VERSION=0x020a000000000000ULL)
# No RPATH: `import torch` has loaded these before the module is.
if(WIN32)
  target_link_libraries(raz_torch INTERFACE ${torch_dir}/lib/torch.lib ${torch_dir}/lib/torch_cpu.lib)
elseif(APPLE)
  target_link_libraries(raz_torch INTERFACE
    ${torch_dir}/lib/libtorch.dylib ${torch_dir}/lib/libtorch_cpu.dylib)
else()
  target_link_libraries(raz_torch INTERFACE
    -Wl,--no-as-needed ${torch_dir}/lib/libtorch.so ${torch_dir}/lib/libtorch_cpu.so -Wl,--as-needed)
endif()
# torch's headers put their own path into the messages of errors: not the path of this machine.
if(NOT MSVC)
  target_compile_options(raz_torch INTERFACE
    -ffile-prefix-map=${torch_dir}/include/= -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
endif()
