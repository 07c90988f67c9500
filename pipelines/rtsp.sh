#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A network camera by RTSP: live, like camera.sh.
#
# usage: pipelines/rtsp.sh URL [--model FILE] [--records FILE] [--smoke]
#   URL  e.g. rtsp://192.168.1.20/stream. Ends with Ctrl-C.

source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

# 200 ms hide the jitter of a home network; rtspsrc's own default is two seconds.
input=(rtspsrc location="${rest[0]:-}" latency=200)
if [[ $smoke == yes ]]; then
  # The same RTP packets that rtspsrc would hand on, without a server.
  input=(videotestsrc is-live=true pattern=ball num-buffers=45
         ! 'video/x-raw,format=I420,width=320,height=240,framerate=30/1' ! jpegenc ! rtpjpegpay)
elif [[ -z ${rest[0]:-} ]]; then
  echo 'a URL is missing; see --help' >&2
  exit 2
fi

gst-launch-1.0 -q -e \
  "${input[@]}" ! decodebin ! videoconvert \
  ! quantnormalize ! quantinfer model="$model" ! quantdequantize ! quanttee name=tee \
  ! videoconvert ! "$sink" \
  tee.snr_0 ! filesink location="$records"

report some
