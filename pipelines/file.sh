#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A video file: every frame is measured, none is dropped, as fast as the machine goes.
#
# usage: pipelines/file.sh FILE [--model FILE] [--records FILE] [--smoke]

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

file=${rest[0]:-}
frames=some
if [[ $smoke == yes ]]; then
  file=$scratch/clip.avi
  frames=40
  gst-launch-1.0 -q videotestsrc pattern=ball num-buffers=$frames \
    ! video/x-raw,width=320,height=240,framerate=30/1 ! jpegenc ! avimux ! filesink location="$file"
fi
[[ -n $file ]] || { echo 'a video file is missing; see --help' >&2; exit 2; }

gst-launch-1.0 -q -e \
  filesrc location="$file" ! decodebin ! videoconvert \
  ! quantnormalize ! quantinfer model="$model" ! quantdequantize ! quanttee name=tee \
  ! videoconvert ! "$sink" \
  tee.snr_0 ! filesink location="$records"

report $frames
