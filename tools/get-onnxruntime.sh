#!/bin/sh
# SPDX-License-Identifier: MIT
# Brings ONNX Runtime's headers and library into a folder, for systems whose apt has no package of it
# (Debian 12). Installs nothing: the headers come from Debian 13's package, downloaded and unpacked;
# the library from the npm package that carries it. Debian 13 needs none of this.
#
# usage: get-onnxruntime.sh DESTDIR
# then:  cmake … -DGST_QUANT_ONNXRUNTIME_ROOT=DESTDIR
# needs: apt, dpkg, npm; a Debian mirror (the one that this machine already uses) and the npm registry.
# ONNXRUNTIME_NODE names the npm package and version, ONNXRUNTIME_SUITE the suite of the headers.
set -eu

npm_package=${ONNXRUNTIME_NODE:-onnxruntime-node@1.30.0}
suite=${ONNXRUNTIME_SUITE:-trixie}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'get-onnxruntime: %s\n' "$1"; }
fail() { printf 'get-onnxruntime: %s\n' "$1" >&2; exit 1; }

if [ $# -ne 1 ] || [ -z "$1" ]; then
  sed -n '7,10s/^# //p' "$0" >&2
  exit 2
fi
for tool in apt-get apt-cache dpkg; do
  command -v "$tool" >/dev/null || fail "$tool is missing: this works on Debian only"
done

if apt-cache show libonnxruntime-dev >/dev/null 2>&1; then
  say 'this system has a package: apt-get install libonnxruntime-dev (nothing done)'
  exit 0
fi

mkdir -p "$1"
dest=$(cd "$1" && pwd)
work=$dest/.onnxruntime-download

get_headers() {
  if [ -f "$dest/include/onnxruntime_c_api.h" ]; then
    say "headers are there already: $dest/include"
    return
  fi
  [ -f "$keyring" ] || fail "$keyring is missing: apt-get install debian-archive-keyring"
  # The mirror of the running system, whatever it is: its main archive also holds the newer suite.
  # shellcheck disable=SC2016  # apt-get fills in the fields
  mirror=$(apt-get indextargets --format '$(COMPONENT) $(RELEASE) $(REPO_URI)' 'Created-By: Packages' |
           awk '$1 == "main" && $2 !~ /-(updates|security|backports)/ { print $3; exit }')
  [ -n "$mirror" ] || fail 'no Debian mirror found in the sources of apt'
  rm -rf "$work"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial" "$work/unpacked"
  printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
    "$mirror" "$suite" "$keyring" > "$work/suite.sources"
  # Lists and cache of its own, so that the system's apt never hears of the newer suite.
  cat > "$work/apt.conf" <<END
Dir::Etc::SourceList "$work/suite.sources";
Dir::Etc::SourceParts "/dev/null";
Dir::State::Lists "$work/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "$(id -un)";
Acquire::Languages "none";
Debug::NoLocking "true";
END
  say "downloading libonnxruntime-dev of $suite from the mirror that apt uses here"
  (cd "$work" && apt-get -qq -c apt.conf update && apt-get -qq -c apt.conf download libonnxruntime-dev) ||
    fail "apt could not download libonnxruntime-dev of $suite"
  dpkg -x "$work"/libonnxruntime-dev_*.deb "$work/unpacked"
  api=$(find "$work/unpacked" -name onnxruntime_c_api.h | head -n 1)
  [ -n "$api" ] || fail 'the package holds no onnxruntime_c_api.h'
  mkdir -p "$dest/include"
  cp -R "$(dirname "$api")/." "$dest/include"
  rm -rf "$work"
  say "headers: $dest/include"
}

get_library() {
  if [ -f "$dest/lib/libonnxruntime.so.1" ]; then
    say "library is there already: $dest/lib/libonnxruntime.so.1"
    return
  fi
  command -v npm >/dev/null || fail 'npm is missing: apt-get install npm'
  case $(dpkg --print-architecture) in
    amd64) folder=x64 ;;
    arm64) folder=arm64 ;;
    *) fail "$npm_package carries no library for $(dpkg --print-architecture)" ;;
  esac
  say "installing $npm_package into $work"
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/npm" "$npm_package" ||
    fail "npm could not install $npm_package"
  library=$(find "$work/npm/node_modules" -path "*/linux/$folder/libonnxruntime.so.1" | head -n 1)
  [ -n "$library" ] || fail "$npm_package holds no libonnxruntime.so.1 for $folder"
  mkdir -p "$dest/lib"
  mv "$library" "$dest/lib/libonnxruntime.so.1"
  rm -rf "$work"
  say "library: $dest/lib/libonnxruntime.so.1"
}

get_headers
get_library
say "ready: cmake -DGST_QUANT_ONNXRUNTIME_ROOT=$dest"
