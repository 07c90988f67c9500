#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# From clone to a live measurement: installs what is missing, builds, quantizes the embedded model and
# runs it for ten seconds over changing backgrounds, with the SNR of every output on every frame.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

if [[ $# -gt 0 ]]; then
  echo "usage: ./demo.sh    (no options; results go to build/demo)" >&2
  exit 2
fi

build=$PWD/build/release
out=$PWD/build/demo
models=$PWD/pipelines/models
say() { printf '\n== %s\n' "$1"; }

say 'packages'
tools/install-packages.sh build

say 'build (build/release)'
# A tree that check.sh configured stays as it is; a new one has neither tests nor benchmarks.
if [[ ! -f $build/build.ninja ]]; then
  # ONNX Runtime is the float model's runtime where somebody brought it, else OpenCV's is.
  onnxruntime=$PWD/build/onnxruntime
  [[ -d $onnxruntime ]] || onnxruntime=
  cmake --preset release -DGST_QUANT_TESTS=OFF -DGST_QUANT_BENCH=OFF -DGST_QUANT_ONNXRUNTIME_ROOT="$onnxruntime"
fi
cmake --build --preset release --target gst-quant gst-quant-demo gstquant

gst_quant=$build/tools/gst-quant
gst_quant_demo=$build/pipelines/demo/gst-quant-demo
export GST_PLUGIN_PATH=$build/elements${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}
# A registry of its own: the user's is left alone.
export GST_REGISTRY=$out/registry.bin
# Only what this script makes: a build folder may have the same name.
rm -rf "$out/frames" "$out/original" "$out/quantized"
mkdir -p "$out/frames"

say 'quantize pipelines/models/ball.onnx'
"$gst_quant" optimize "$models/ball.onnx" --calib "$models/ball_calibration.npy" \
  --color rgb --mean 127 --std 128 --output "$out/ball.qar"

say 'live: SNR of each output against the float model, every second'
# Four backgrounds, one after the other, under the moving ball of a live source.
video=video/x-raw,format=BGRA,width=320,height=240,framerate=30/1
background() { printf 'videotestsrc num-buffers=75 %s ! %s ! backgrounds. ' "$*" "$video"; }
# At the end compositor repeats a frame: the 301st is turned into the end of the stream.
# Words, not one string: they are arguments of gst-launch.
# shellcheck disable=SC2046
gst-launch-1.0 -q \
  compositor name=mix ! $video ! videoconvert ! video/x-raw,format=RGB ! identity eos-after=301 \
  ! quantnormalize ! quantinfer model="$out/ball.qar" ! quantdequantize ! quanttee name=tee \
  ! tee name=video ! queue ! fakesink \
  video. ! queue ! videorate ! video/x-raw,framerate=4/5 ! videoconvert ! pngenc \
  ! multifilesink location="$out/frames/frame_%d.png" \
  tee.snr_0 ! fdsink fd=3 \
  concat name=backgrounds ! queue ! mix.sink_0 \
  $(background pattern=smpte75 horizontal-speed=2) $(background pattern=snow) \
  $(background pattern=gradient) $(background pattern=circular) \
  videotestsrc is-live=true pattern=ball background-color=0x00ffffff num-buffers=300 ! $video \
  ! queue ! mix.sink_1 \
  3>&1 > "$out/pipeline.log" | tee "$out/snr.ndjson" | "$gst_quant_demo" watch

# One frame of each background: the others fall on a change.
rm -f "$out"/frames/frame_{0,2,4,6,8}.png
for context in original quantized; do
  "$gst_quant" run "$out/ball.qar" --context "$context" --input "$out/frames" \
    --output "$out/$context" > /dev/null
done
"$gst_quant_demo" draw --records "$out/snr.ndjson" --frames "$out/frames" --first 1.25 --interval 2.5 \
  --original "$out/original" --quantized "$out/quantized" --output "$out/demo.png"

say 'done'
echo "picture  build/demo/demo.png     what both networks see, and SNR over time"
echo "records  build/demo/snr.ndjson   one JSON object a frame"
echo "model    build/demo/ball.qar     try: build/release/tools/gst-quant inspect build/demo/ball.qar"
