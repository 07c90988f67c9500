# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Sourced by the pipelines beside it: options that all have, the built tree, the model, the smoke test.
#
#   --model FILE     model to run; default: the ball network of pipelines/models
#   --records FILE   where the SNR records go, one JSON object a line; default: snr.ndjson
#   --smoke          a short run without device, display or network; prints one line, PASS or FAIL
#
# GST_QUANT_BUILD names the build folder (default: build/release of this checkout), SINK the element
# that shows the video (default: fakesink; try SINK=autovideosink).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${GST_QUANT_BUILD:-$here/../build/release}
# shellcheck disable=SC2034  # the pipelines use it
sink=${SINK:-fakesink}
model=
records=snr.ndjson
smoke=no
rest=()

while [[ $# -gt 0 ]]; do
  case $1 in
    --model | --records)
      [[ $# -gt 1 ]] || { echo "$1 needs a file" >&2; exit 2; }
      [[ $1 == --model ]] && model=$2 || records=$2
      shift ;;
    --smoke) smoke=yes ;;
    -h | --help)
      sed -n '3,/^$/s/^# \{0,1\}//p' "$0"
      sed -n '/^#   --/,/^#$/s/^# //p' "${BASH_SOURCE[0]}"
      exit 0 ;;
    -*) echo "unknown option $1; see --help" >&2; exit 2 ;;
    *) rest+=("$1") ;;
  esac
  shift
done

if [[ -d $build/elements ]]; then
  export GST_PLUGIN_PATH=$build/elements${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
  PATH=$build/tools:$PATH
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
if [[ $smoke == yes ]]; then
  records=$scratch/snr.ndjson
  export GST_REGISTRY=$scratch/registry.bin
fi

if [[ -z $model ]]; then
  if [[ -d $build/elements ]]; then model=$build/ball.qar; else model=$scratch/ball.qar; fi
  if [[ ! -f $model ]]; then
    gst-quant optimize "$here/models/ball.onnx" --calib "$here/models/ball_calibration.npy" \
      --color rgb --mean 127 --std 128 --output "$model" > "$scratch/optimize.log" ||
      { cat "$scratch/optimize.log" >&2; exit 1; }
  fi
fi

# report FRAMES: after a smoke run, says whether there are as many records as that; `some` where a live
# source may have frames that the reference skipped. Otherwise says where the records are.
report() {
  local count
  count=$(wc -l < "$records")
  if [[ $smoke == no ]]; then
    echo "$count records in $records"
  elif [[ $1 == some && $count -gt 0 ]] || [[ $1 == "$count" ]]; then
    echo "PASS $(basename "$0"): $count records"
  else
    echo "FAIL $(basename "$0"): $count records, expected $1"
    exit 1
  fi
}
