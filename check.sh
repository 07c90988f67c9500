#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From clone to green: installs what is missing, builds, and runs every test.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'END'
usage: ./check.sh [--asan | --tsan | --tidy] [-R REGEX]

  (no option)  build/release: format check, all tests
  --asan       build/asan: all tests under AddressSanitizer and UndefinedBehaviorSanitizer
  --tsan       build/tsan: the tests that use threads, under ThreadSanitizer
  --tidy       clang-tidy on every source, no tests
  -R REGEX     only the tests whose name matches, e.g. ./check.sh -R requantize
END
}

preset=release
tidy=no
selection=()
while [[ $# -gt 0 ]]; do
  case $1 in
    --asan) preset=asan ;;
    --tsan) preset=tsan ;;
    --tidy) tidy=yes ;;
    -R) [[ $# -gt 1 ]] || { usage >&2; exit 2; }
        selection+=(-R "$2"); shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
# GLib's mutexes are futexes of its own: ThreadSanitizer sees none of them, and takes whatever a GStreamer
# thread hands to another for a race. What runs in threads of ours is tested without.
[[ $preset != tsan ]] || selection+=(-L threads)

say() { printf '\n== %s\n' "$1"; }

say 'packages'
tools/install-packages.sh build test
# Their tests are left out, saying so, where they could not be had.
for optional in finetune browser; do
  tools/install-packages.sh "$optional" || echo "Going on without the packages of section $optional."
done

# The independent float reference. Tests that need it skip, saying so, where it could not be had.
onnxruntime=$PWD/build/onnxruntime
if apt-cache show libonnxruntime-dev > /dev/null 2>&1; then
  tools/install-packages.sh onnxruntime
  onnxruntime=
elif [[ ! -f $onnxruntime/lib/libonnxruntime.so.1 || ! -f $onnxruntime/include/onnxruntime_c_api.h ]]; then
  say 'ONNX Runtime (optional)'
  if ! { { command -v npm > /dev/null || tools/install-packages.sh onnxruntime-npm; } &&
         tools/get-onnxruntime.sh "$onnxruntime"; }; then
    echo 'Could not bring ONNX Runtime: going on without. The float reference is OpenCV DNN, and the'
    echo 'tests against ONNX Runtime are skipped.'
  fi
fi

say "configure and build ($preset)"
cmake --preset "$preset" -DGST_QUANT_TESTS=ON -DGST_QUANT_BENCH=ON \
  -DGST_QUANT_ONNXRUNTIME_ROOT="$onnxruntime"
cmake --build --preset "$preset"

sources() {
  if git rev-parse --is-inside-work-tree > /dev/null 2>&1; then
    git ls-files '*.cpp' '*.h' '*.c'
  else
    find lib elements tools pipelines tests bench -name '*.cpp' -o -name '*.h' -o -name '*.c'
  fi
}

if [[ $tidy == yes ]]; then
  say 'clang-tidy'
  # It knows neither GCC's cost models nor what libtorch's headers take for granted.
  mkdir -p build/tidy
  python3 - "build/$preset/compile_commands.json" > build/tidy/compile_commands.json << 'END'
import json
import sys

with open(sys.argv[1], encoding="utf-8") as file:
    commands = [entry for entry in json.load(file) if "/torch/csrc/" not in entry["command"]]
for entry in commands:
    entry["command"] = entry["command"].replace(" -fvect-cost-model=dynamic", "")
json.dump(commands, sys.stdout)
END
  exec run-clang-tidy -quiet -p build/tidy -j "$(nproc)" "$PWD/(lib|elements|tools|pipelines)/"
fi

say 'clang-format'
# Versions format differently: the sources are written with that of Debian 12.
if [[ $(clang-format --version) =~ version\ 14\. ]]; then
  sources | xargs -r clang-format --dry-run --Werror
else
  echo 'not checked: it takes version 14 (Debian 12)'
fi

say "tests ($preset)"
exec ctest --preset "$preset" -j "$(nproc)" --no-tests=error "${selection[@]}"
