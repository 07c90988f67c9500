#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the packages of the named sections of packages.txt that are missing, and nothing if none is.
#
# usage: tools/install-packages.sh SECTION...          e.g. tools/install-packages.sh build test
set -euo pipefail

list=$(dirname "${BASH_SOURCE[0]}")/../packages.txt
[[ $# -gt 0 ]] || { sed -n 's/^# usage: /usage: /p' "$0" >&2; exit 2; }

wanted=()
for section in "$@"; do
  grep -qxF "[$section]" "$list" || { echo "packages.txt has no section [$section]" >&2; exit 2; }
  mapfile -t -O "${#wanted[@]}" wanted < <(
    awk -v s="[$section]" '/^\[/ { on = ($1 == s); next } on && !/^#/ && NF { print $1 }' "$list")
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is no Debian system: nothing is installed. Needed are (by Debian's names): ${wanted[*]}"
  exit 0
fi

installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' | awk '$2 == "installed" { print $1 }')
missing=()
for package in "${wanted[@]}"; do
  grep -qxF "$package" <<< "$installed" || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  if ! command -v sudo >/dev/null; then
    echo "Packages are missing and there is no sudo here. As root, run:" >&2
    echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo)
fi
apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" < /dev/null; }

echo "Installing ${#missing[@]} packages with apt-get: ${missing[*]}"
# A fresh container has no package lists, an old one has stale ones: then the lists are brought first.
apt --simulate install --no-install-recommends "${missing[@]}" > /dev/null 2>&1 &&
  apt install --no-install-recommends "${missing[@]}" > /dev/null && exit 0
apt update
apt install --no-install-recommends "${missing[@]}" > /dev/null
