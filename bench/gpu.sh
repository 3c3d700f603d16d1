#!/usr/bin/env bash
# One command for a machine with a GPU: build raz for it, run the operators' tests there, a part of
# them under compute-sanitizer, and the benchmark, whose JSON goes to bench/results.
#
#   bench/gpu.sh [build] [test] [sanitize] [bench]      without arguments: all four, in this order
#
# Needs nvcc, a torch with CUDA, and a Python that has or gets the packages below; no network. What
# is missing may lie as wheels in the folder wheels/ (or $WHEELS). Everything is installed into
# out/gpu/site, nothing into the system. Exit codes: 0 all well, 1 a phase failed, 2 usage,
# 5 something is missing.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 5

PYTHON=${PYTHON:-python3}
WHEELS=${WHEELS:-wheels}
SITE=$PWD/out/gpu/site
export PYTHONPATH=$SITE${PYTHONPATH:+:$PYTHONPATH}
export PATH=$SITE/bin:$PATH
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-4}
export PYTHONDONTWRITEBYTECODE=1

say() { printf '\n== %s (%ss)\n' "$*" "$SECONDS"; }
lack() {
  printf 'bench/gpu.sh: %s\n' "$*" >&2
  exit 5
}
need_command() { command -v "$1" > /dev/null || lack "$1 is missing: $2"; }
need_module() { "$PYTHON" -c "import $1" 2> /dev/null || lack "the Python package $2 is missing: put its wheel into $WHEELS/"; }

check() {
  need_command "$PYTHON" "set PYTHON"
  need_command nvidia-smi "this needs an NVIDIA driver and GPU"
  "$PYTHON" - << 'EOF' || lack "torch >= 2.10 with CUDA and a visible GPU is needed (see the line above)"
import sys
try:
    import torch
except ImportError as error:
    sys.exit(f"torch: {error}")
if not torch.cuda.is_available():
    sys.exit(f"torch {torch.__version__} (CUDA {torch.version.cuda}) sees no GPU")
print(f"torch {torch.__version__}, {torch.cuda.get_device_name()}")
EOF
}

build() {
  need_command nvcc "the CUDA toolkit must be on the PATH"
  rm -rf "$SITE"
  mkdir -p "$SITE"
  if compgen -G "$WHEELS/*.whl" > /dev/null; then
    "$PYTHON" -m pip install --quiet --no-index --no-deps --target "$SITE" "$WHEELS"/*.whl ||
      lack "the wheels in $WHEELS/ cannot be installed"
  fi
  need_module scikit_build_core "scikit-build-core (>= 0.11)"
  need_module pybind11 "pybind11 (>= 3)"
  need_command cmake "cmake >= 3.26, or its wheel in $WHEELS/"
  command -v ninja > /dev/null || command -v make > /dev/null ||
    lack "neither ninja nor make is there: put the wheel of ninja into $WHEELS/"
  local capability
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader | head -n 1)
  [[ $capability =~ ^[0-9]+\.[0-9]+$ ]] || lack "nvidia-smi tells no compute capability: $capability"
  TORCH_CUDA_ARCH_LIST=$capability "$PYTHON" -m pip install --no-index --no-build-isolation \
    --no-deps --target "$SITE" --upgrade --config-settings=cmake.define.RAZ_CUDA=ON . || return 1
  "$PYTHON" - << 'EOF'
import sys
from raz import _native
info = _native.build_info()
print(info)
sys.exit(not (info and info["cuda"]))
EOF
}

run_tests() {
  need_module pytest "pytest (>= 8)"
  need_module hypothesis "hypothesis (>= 6.100)"
  RAZ_TEST_DEVICE=cuda "$PYTHON" -m pytest -q -p no:cacheprovider "$@"
}

# Every operator and gradient, without what traces (torch.compile under the sanitizer takes hours).
SANITIZED=(tests/ops/test_gradients.py tests/ops/test_density_map.py tests/ops/test_congestion.py
  tests/ops/test_attention_map.py tests/ops/test_crop_and_resize.py tests/ops/test_find_peaks.py
  tests/ops/test_integral_image.py tests/ops/test_point_map.py tests/ops/test_point_nms.py
  tests/ops/test_propose_regions.py tests/ops/test_score_anchors.py)
UNTRACED="not compile and not export and not gradgrad and not slow"

sanitize() {
  need_command compute-sanitizer "it comes with the CUDA toolkit"
  local tool
  for tool in memcheck racecheck; do
    say "compute-sanitizer $tool"
    # Without torch's cache every tensor is memory of its own, so that memcheck sees its ends.
    HYPOTHESIS_PROFILE=raz-few RAZ_OPCHECK=none RAZ_TEST_DEVICE=cuda \
      PYTORCH_NO_CUDA_MEMORY_CACHING=1 \
      compute-sanitizer --tool "$tool" --target-processes all --error-exitcode 9 \
      "$PYTHON" -m pytest -q -p no:cacheprovider -k "$UNTRACED" "${SANITIZED[@]}" || return 1
  done
}

phases=("$@")
[[ ${#phases[@]} -gt 0 ]] || phases=(build test sanitize bench)
for phase in "${phases[@]}"; do
  case $phase in
    build | test | sanitize | bench) ;;
    *)
      printf 'bench/gpu.sh: "%s" is no phase; they are build, test, sanitize and bench\n' "$phase" >&2
      exit 2
      ;;
  esac
done

check
failed=0
for phase in "${phases[@]}"; do
  say "$phase"
  case $phase in
    build) build || exit 1 ;; # the others would run an older build
    test) run_tests tests/ops tests/zoom/test_fixed.py || failed=1 ;;
    sanitize) need_module pytest "pytest (>= 8)"; sanitize || failed=1 ;;
    bench) "$PYTHON" bench/gpu.py || failed=1 ;;
  esac
done
say "done, $([[ $failed -eq 0 ]] && echo 'all well' || echo 'with failures')"
exit "$failed"
