// SPDX-License-Identifier: MIT
#include "quant/hef/hef_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "quant/hef/hef_stream.h"

namespace quant {
namespace {

namespace messages = gst_quant_hef;

HefView plain_view(const HefStream& stream) {
  HefView view{stream.name, stream.direction, stream.type, stream.host_format, {},
               {},          stream.network};
  if (stream.boxes) {
    view.boxes = stream.boxes;
    view.type = DataType::kFloat32;
    return view;
  }
  view.size = stream.size;
  if (stream.transposed) std::swap((*view.size)[0], (*view.size)[1]);
  return view;
}

}  // namespace

Result<std::vector<HefView>> views_of(const HefStream& stream, const messages::Fused& fused) {
  if (stream.content == HefContent::kMux) {
    std::vector<HefView> views;
    for (const HefStream& part : stream.parts) {
      QUANT_TRY_ASSIGN(std::vector<HefView> inner, views_of(part, fused));
      std::move(inner.begin(), inner.end(), std::back_inserter(views));
    }
    return views;
  }
  HefView view = plain_view(stream);
  if (!stream.defused_from.empty() && fused.used()) {
    const auto whole = std::find_if(fused.layers().begin(), fused.layers().end(),
                                    [&](const messages::FusedLayer& layer) {
                                      return layer.layer().name() == stream.defused_from;
                                    });
    if (whole == fused.layers().end()) {
      return fail(ErrorCode::kInvalidData,
                  fmt::format("is a piece of {}, which is not there", stream.defused_from),
                  stream.name);
    }
    view.name = stream.defused_from;
    view.boxes = boxes_of(whole->boxes());
  }
  return std::vector{std::move(view)};
}

}  // namespace quant
