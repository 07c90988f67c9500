#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the integer kernels, the metrics and their tests for aarch64 and runs them under qemu-user: NEON with dot
# products and without, where there is no such machine. Needs g++-aarch64-linux-gnu and qemu-user
# (tools/install-packages.sh aarch64); the libraries are taken from Debian's arm64 packages, unpacked below
# build/aarch64 and not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

usage() {
  cat <<'END'
usage: tests/aarch64/run.sh [TEST...]

  TEST   of tests/quant/kernels or tests/quant/metrics, without _test.cpp: convolution, bin_counts, …; all where none
         is named
END
}
case ${1:-} in -h | --help) usage; exit 0 ;; esac

build=$PWD/build/aarch64
root=$build/root/usr
packages=(libhwy1 libhwy-dev libgtest-dev libgmock-dev libfmt-dev libfmt9 libgcc-s1 libstdc++6)
modules=(base tensor arithmetic kernels/integer kernels/relayout metrics)

if [[ ! -d $root ]]; then
  mkdir -p "$build/apt/lists/partial" "$build/apt/archives/partial" "$build/packages"
  : > "$build/apt/status"
  cat > "$build/apt/apt.conf" <<END
APT::Architecture "arm64";
APT::Architectures "arm64";
APT::Sandbox::User "root";
Dir::State::lists "$build/apt/lists";
Dir::Cache "$build/apt";
Dir::State::status "$build/apt/status";
END
  (cd "$build/packages"
   export APT_CONFIG=$build/apt/apt.conf
   apt-get -qq update
   apt-get -qq download "${packages[@]}")
  for package in "$build"/packages/*.deb; do dpkg -x "$package" "$build/root"; done
  # Headers alone, the same for every architecture.
  ln -s /usr/include/tl /usr/include/nlohmann "$root/include/"
fi

compiler=(aarch64-linux-gnu-g++)
if command -v ccache > /dev/null; then compiler=(ccache "${compiler[@]}"); fi
flags=(-std=c++20 -O2 -ffp-contract=off -Wall -Wextra -Werror -Wno-missing-field-initializers -DHWY_SHARED_DEFINE -DFMT_SHARED
       '-DGST_QUANT_VERSION="aarch64"' -Ilib -Itests -isystem "$root/include")
libraries=(-L"$root/lib/aarch64-linux-gnu" -Wl,-rpath-link,"$root/lib/aarch64-linux-gnu" -lgtest_main -lgmock -lgtest -lhwy -lfmt)

tests=("$@")
if [[ ${#tests[@]} == 0 ]]; then
  for source in tests/quant/{kernels,metrics}/*_test.cpp; do tests+=("$(basename "$source" _test.cpp)"); done
fi
sources=()
for module in "${modules[@]}"; do sources+=(lib/quant/"$module"/*.cpp); done
# Where its source lies; nothing where there is none.
source_of() { ls tests/quant/{kernels,metrics}/"$1_test.cpp" 2> /dev/null || true; }
for test in "${tests[@]}"; do
  [[ -n $(source_of "$test") ]] || { echo "no such test: $test" >&2; exit 2; }
  sources+=("$(source_of "$test")")
done

# One line a source that is newer than its object, or whose headers may be: ccache knows better than dates.
object_of() { echo "$build/$(tr / _ <<< "$1").o"; }
compile() { "${compiler[@]}" "${flags[@]}" -c "$1" -o "$(object_of "$1")"; }
running=0
for source in "${sources[@]}"; do
  compile "$source" &
  if (( ++running >= $(nproc) )); then wait -n; (( running-- )); fi
done
while (( running-- > 0 )); do wait -n; done

objects=()
for source in "${sources[@]}"; do
  [[ $source == tests/* ]] || objects+=("$(object_of "$source")")
done
for test in "${tests[@]}"; do
  echo "== $test"
  aarch64-linux-gnu-g++ "$(object_of "$(source_of "$test")")" "${objects[@]}" -o "$build/${test}_test" "${libraries[@]}"
  cpus=(max)
  if [[ $test == isa ]]; then cpus+=(cortex-a72); fi  # has no dot products: what is chosen there?
  for cpu in "${cpus[@]}"; do
    qemu-aarch64 -cpu "$cpu" -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH="$root/lib/aarch64-linux-gnu" "$build/${test}_test" --gtest_brief=1
  done
done
