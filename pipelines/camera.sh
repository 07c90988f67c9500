#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A camera by Video4Linux: live, never delayed; the reference measures what it has time for.
#
# usage: pipelines/camera.sh [DEVICE] [--model FILE] [--records FILE] [--smoke]
#   DEVICE  default: /dev/video0. Ends with Ctrl-C.

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# decodebin: many cameras send JPEG at their larger sizes.
input=(v4l2src device="${rest[0]:-/dev/video0}")
if [[ $smoke == yes ]]; then
  input=(videotestsrc is-live=true pattern=ball num-buffers=45
         ! 'video/x-raw,width=320,height=240,framerate=30/1' ! jpegenc)
fi

gst-launch-1.0 -q -e \
  "${input[@]}" ! decodebin ! videoconvert \
  ! quantnormalize ! quantinfer model="$model" ! quantdequantize ! quanttee name=tee \
  ! videoconvert ! "$sink" \
  tee.snr_0 ! filesink location="$records"

report some
