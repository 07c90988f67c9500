#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A test picture, no camera needed: the SNR of every output on every frame.
#
# usage: pipelines/testsrc.sh [PATTERN] [--model FILE] [--records FILE] [--smoke]
#   PATTERN  a pattern of videotestsrc, default: ball

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

frames=300
[[ $smoke == no ]] || frames=30

# Not live: the pipeline waits for the measurement, so every frame has its record.
gst-launch-1.0 -q -e \
  videotestsrc pattern="${rest[0]:-ball}" num-buffers=$frames \
  ! video/x-raw,format=RGB,width=320,height=240,framerate=30/1 \
  ! quantnormalize ! quantinfer model="$model" ! quantdequantize ! quanttee name=tee \
  ! videoconvert ! "$sink" \
  tee.snr_0 ! filesink location="$records"

report $frames
