// SPDX-License-Identifier: MIT
// One small HEF for each thing that the reader knows: what the mutations and the fuzzer start from.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "quant/hef/hef_builder.h"

namespace quant::testing {

inline std::vector<std::pair<std::string, std::vector<std::byte>>> synthesized_hefs() {
  const RootSpec net_flow{.extensions = {13, 25}};
  StreamSpec input;
  input.name = "net/input";
  input.output = false;
  StreamSpec output;
  output.pad = 1;
  output.scales = {0.25, 0.5, 0.125};
  output.zero_points = {1, 2, 3};
  const Wire streams = context_wire({edge_wire(input), edge_wire(output)});

  const Wire boxes_wire = Wire().number(2, 80).number(3, 25).number(7, 2).number(5, 1).message(
      6, Wire().text(3, "net/nms"));
  StreamSpec boxes = output;
  boxes.name = "net/nms_a";
  boxes.format = 6;
  const Wire boxes_base = base_wire(boxes).message(11, Wire().message(1, boxes_wire));
  const Wire boxes_edge = edge_wire(boxes, 0, 3, layer_wire(boxes, boxes_base));
  const Wire fused =
      Wire()
          .number(1, 1)
          .text(2, "net/nms")
          .message(3, Wire().message(1, Wire().text(1, "net/nms")).message(3, boxes_wire));

  const Wire inner = Wire()
                         .text(1, "net/mux2")
                         .message(2, base_wire(output))
                         .message(3, Wire().number(1, 1))
                         .message(5, Wire().message(1, layer_wire(output)));
  const Wire mux = Wire()
                       .text(1, "net/mux1")
                       .message(2, base_wire(output))
                       .message(3, Wire().number(1, 2))
                       .message(5, Wire().message(1, layer_wire(input)))
                       .message(5, Wire().message(2, inner));
  const Wire planes = Wire()
                          .text(1, "net/picture")
                          .number(2, 1)
                          .message(3, Wire().message(1, layer_wire(input)))
                          .number(4, 480)
                          .number(5, 640)
                          .number(6, 3);

  const Wire core = core_wire("net", {streams}).text(6, "net");
  const Wire partial = Wire().message(1, core).message(2, Wire().number(1, 3));
  const auto operation = [](const char* name, std::uint32_t field, const Wire& kind) {
    return Wire()
        .text(1, name)
        .message(2, Wire().number(1, 20).text(2, "in"))
        .message(3, Wire().number(1, 30).text(2, "net/result"))
        .message(field, kind);
  };
  const Wire nms = Wire().real64(1, 0.3).number(3, 100).number(4, 80).message(12, Wire());
  const auto with_operation = [&](const Wire& on_host) {
    return Wire()
        .message(8, Wire().text(1, "core").message(4, core))
        .message(8, on_host)
        .message(9, Wire().number(1, 1).number(2, 20))
        .text(4, "net/result");
  };
  const Wire plain = core_wire("net", {streams}).text(6, "net").text(4, output.name);
  return {
      {"plain_v0", hef_bytes(root_wire({plain}), 0)},
      {"plain_v1", hef_bytes(root_wire({plain}), 1, 0)},
      {"plain_v2", hef_bytes(root_wire({plain}), 2, 0)},
      {"per_channel_v3", hef_bytes(root_wire({plain}, {.extensions = {25}}), 3)},
      {"old",
       hef_bytes(root_wire({plain}, {.format_version = 0}).message(4, Wire().number(3, 1)), 0)},
      {"padding", hef_bytes(root_wire({plain}, {.optional_extensions = {8}}))},
      {"partial", hef_bytes(root_wire({Wire().message(7, partial)}, {.architecture = 3}))},
      {"core_operation",
       hef_bytes(root_wire({Wire().message(8, Wire().message(4, core))}, net_flow))},
      {"core_partial",
       hef_bytes(root_wire({Wire().message(8, Wire().message(4, Wire(core).message(7, partial)))},
                           net_flow))},
      {"nms", hef_bytes(root_wire({with_operation(operation("nms_op", 5, nms))}, net_flow))},
      {"softmax",
       hef_bytes(root_wire({with_operation(operation("op", 6, Wire().number(1, 1)))}, net_flow))},
      {"argmax", hef_bytes(root_wire({with_operation(operation("op", 6, Wire()))}, net_flow))},
      {"boxes",
       hef_bytes(root_wire(
           {core_wire("net", {context_wire({boxes_edge})}).message(5, fused).text(6, "n")}))},
      {"mux",
       hef_bytes(root_wire(
           {core_wire("net", {context_wire({edge_wire(output, 1, 4, mux)})}).text(6, "n")}))},
      {"planes",
       hef_bytes(root_wire(
           {core_wire("net", {context_wire({edge_wire(input, 2, 8, planes)})}).text(6, "n")}))},
  };
}

}  // namespace quant::testing
