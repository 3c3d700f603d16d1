// The Python module raz._C. Importing it registers the operators (schema.cpp, cpu.cpp, cuda.cpp).
// Matching takes and returns NumPy arrays: it is defined here, without torch.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "instruction_set.h"
#include "raz/count_matches.h"
#include "raz/match_points.h"

namespace py = pybind11;
using namespace pybind11::literals;

namespace {

using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Longs = py::array_t<int64_t>;

// What this binary was built from: for `raz doctor`, bug reports and the assertions of CI.
py::dict build_info() {
  return py::dict("version"_a = RAZ_VERSION, "compiler"_a = RAZ_COMPILER,
                  "torch_target"_a = RAZ_TORCH_TARGET, "cuda"_a = bool(RAZ_WITH_CUDA),
                  "cuda_compiler"_a = RAZ_CUDA_COMPILER,
                  "cuda_architectures"_a = RAZ_CUDA_ARCHITECTURES,
                  "instruction_set"_a = raz::instruction_set_name(),
                  "instruction_sets"_a = raz::instruction_set_names());
}

void set_instruction_set(const std::string& name) {
  if (!raz::set_instruction_set(name)) {
    throw py::value_error("raz: this machine or build has no instruction set " + name);
  }
}

void require(bool holds, const std::string& message) {
  if (!holds) throw py::value_error("raz: " + message);
}

raz::View<const double, 2> points_view(const Doubles& points, const std::string& name) {
  require(points.ndim() == 2 && points.shape(1) == 2, name + " must be [N, 2]");
  require(points.shape(0) <= raz::cpu::match_points_limit, name + " has too many rows");
  require(std::all_of(points.data(), points.data() + points.size(),
                      [](double value) { return std::isfinite(value); }),
          name + " must be finite");
  return raz::contiguous_view(points.data(), points.shape(0), points.shape(1));
}

raz::View<const double, 1> radii_view(const Doubles& radii, const std::string& name) {
  require(radii.ndim() == 1 && radii.size() <= std::numeric_limits<int32_t>::max(),
          name + " must be one-dimensional");
  require(std::all_of(radii.data(), radii.data() + radii.size(),
                      [](double value) { return value >= 0; }),
          name + " must not be negative");
  return raz::contiguous_view(radii.data(), radii.size());
}

Longs to_array(const std::vector<int64_t>& values) {
  return Longs(static_cast<py::ssize_t>(values.size()), values.data());
}

template <class Match>
py::tuple match(const Doubles& pred, const Doubles& truth, const Doubles& radius, Match&& run) {
  const raz::View<const double, 2> pred_view = points_view(pred, "pred");
  const raz::View<const double, 2> truth_view = points_view(truth, "truth");
  const raz::View<const double, 1> radius_view = radii_view(radius, "radius");
  require(radius.size() == truth.shape(0), "radius must have a row for every row of truth");
  raz::cpu::Matching matching;
  {
    py::gil_scoped_release release;
    matching = run(pred_view, truth_view, radius_view);
  }
  return py::make_tuple(to_array(matching.pred), to_array(matching.truth));
}

py::tuple match_points(const Doubles& pred, const Doubles& truth, const Doubles& radius,
                       int64_t searches) {
  require(searches >= 0 && searches <= (int64_t{1} << 31), "searches must be in [0, 2^31]");
  return match(pred, truth, radius,
               [&](auto... views) { return raz::cpu::match_points(views..., searches); });
}

py::tuple match_points_in_order(const Doubles& pred, const Doubles& truth, const Doubles& radius) {
  return match(pred, truth, radius, raz::cpu::match_points_in_order);
}

Longs count_matches(const Doubles& pred, const Doubles& truth, const Doubles& radii) {
  const raz::View<const double, 2> pred_view = points_view(pred, "pred");
  const raz::View<const double, 2> truth_view = points_view(truth, "truth");
  const raz::View<const double, 1> radii_of = radii_view(radii, "radii");
  require(std::is_sorted(radii.data(), radii.data() + radii.size()), "radii must not descend");
  Longs counts(radii.size());
  const raz::View<int64_t, 1> counts_view =
      raz::contiguous_view(counts.mutable_data(), counts.size());
  {
    py::gil_scoped_release release;
    raz::cpu::count_matches(pred_view, truth_view, radii_of, counts_view);
  }
  return counts;
}

}  // namespace

PYBIND11_MODULE(_C, m) {
  m.doc() = "Native operators of raz. Use raz.ops; this module only registers them.";
  m.def("build_info", &build_info,
        "Facts of this build as a dict: version, compiler, torch_target (the oldest torch whose "
        "stable ABI it needs), cuda (bool), cuda_compiler, cuda_architectures, instruction_set (in "
        "use), "
        "instruction_sets (of this machine).");
  m.def("set_instruction_set", &set_instruction_set, "name"_a,
        "Choose the CPU kernels of one instruction set; for tests and comparisons.");
  m.def("match_points", &match_points, "pred"_a, "truth"_a, "radius"_a, "searches"_a = 32);
  m.def("match_points_in_order", &match_points_in_order, "pred"_a, "truth"_a, "radius"_a);
  m.def("count_matches", &count_matches, "pred"_a, "truth"_a, "radii"_a);
}
