// SPDX-License-Identifier: MIT
// Streams that are no single tensor: boxes, pieces of an output, muxes, pictures of several planes.
#include <gmock/gmock.h>

#include "hef_builder.h"
#include "quant/hef/hef_reader.h"

namespace quant {
namespace {

using testing::edge_wire;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::layer_wire;
using testing::StreamSpec;
using testing::Wire;

Result<HefFile> read_wire(const Wire& root) { return read_hef(testing::hef_bytes(root)); }

Wire root_of_edge(const Wire& edge) {
  return testing::root_wire(
      {testing::core_wire("net", {testing::context_wire({edge})}).text(6, "net")});
}

Wire boxes_wire(bool defused) {
  Wire boxes;
  boxes.number(1, 1).number(2, 80).number(3, 25).number(4, 14).number(7, 2);
  if (defused) boxes.number(5, 1).message(6, Wire().number(1, 1).text(3, "net/nms"));
  return boxes;
}

Wire boxes_edge(const std::string& name, bool defused) {
  StreamSpec spec;
  spec.name = name;
  spec.format = 6;
  spec.data_bytes = 2;
  const Wire base = testing::base_wire(spec).message(11, Wire().message(1, boxes_wire(defused)));
  return edge_wire(spec, 0, 3, layer_wire(spec, base));
}

TEST(HefCompositeStream, BoxesAreNoTensor) {
  const auto file = read_wire(root_of_edge(boxes_edge("net/nms", false)));
  ASSERT_TRUE(file) << file.error().text();
  const HefStream& stream = file->groups[0].streams[0];
  EXPECT_EQ(stream.content, HefContent::kBoxes);
  EXPECT_EQ(stream.layout.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(stream.quant.error().code, ErrorCode::kUnsupported);
  const HefView& view = file->groups[0].views[0];
  EXPECT_EQ(view.order, "HAILO NMS BY CLASS");
  EXPECT_EQ(view.type, DataType::kFloat32);
  EXPECT_EQ(view.boxes, (HefBoxes{80, 50}));  // 25 of each of two divisions
  EXPECT_FALSE(view.size);
}

TEST(HefCompositeStream, PiecesOfOneOutputAreSeenAsOne) {
  const Wire whole = Wire().message(1, Wire().text(1, "net/nms")).message(3, boxes_wire(false));
  const Wire fused = Wire().number(1, 1).text(2, "net/nms").message(3, whole);
  const Wire context =
      testing::context_wire({boxes_edge("net/nms_a", true), boxes_edge("net/nms_b", true)});
  const auto file = read_wire(
      testing::root_wire({testing::core_wire("net", {context}).message(5, fused).text(6, "net")}));
  ASSERT_TRUE(file) << file.error().text();
  ASSERT_EQ(file->groups[0].streams.size(), 2);
  EXPECT_EQ(file->groups[0].streams[1].defused_from, "net/nms");
  ASSERT_EQ(file->groups[0].views.size(), 1);
  EXPECT_EQ(file->groups[0].views[0].name, "net/nms");
  EXPECT_EQ(file->groups[0].views[0].boxes, (HefBoxes{80, 50}));
  const auto missing = read_wire(testing::root_wire(
      {testing::core_wire("net", {context}).message(5, Wire().number(1, 1)).text(6, "net")}));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().text(), HasSubstr("net/nms"));
}

Wire mux_wire(const std::string& name, const std::vector<Wire>& parts, std::size_t announced) {
  StreamSpec spec;
  Wire mux;
  mux.text(1, name).message(2, testing::base_wire(spec)).message(3, Wire().number(1, announced));
  for (const Wire& part : parts) mux.message(5, part);
  return mux;
}

TEST(HefCompositeStream, AMuxIsItsParts) {
  StreamSpec first;
  first.name = "net/conv1";
  first.width = 8;
  first.padded_width = 16;
  first.buffers_per_frame = 6;
  StreamSpec second;
  second.name = "net/conv2";
  second.format = 3;
  const Wire inner = mux_wire("net/mux2", {Wire().message(1, layer_wire(second))}, 1);
  const Wire mux =
      mux_wire("net/mux1", {Wire().message(1, layer_wire(first)), Wire().message(2, inner)}, 2);
  const Wire edge = edge_wire({}, 1, 4, mux);
  const auto file = read_wire(testing::root_wire(
      {testing::core_wire("net", {testing::context_wire({edge})})}, {.optional_extensions = {}}));
  ASSERT_TRUE(file) << file.error().text();
  const HefStream& stream = file->groups[0].streams[0];
  EXPECT_EQ(stream.content, HefContent::kMux);
  EXPECT_EQ(stream.layout.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(stream.quant.error().code, ErrorCode::kUnsupported);
  ASSERT_EQ(stream.parts.size(), 2);
  // No padding stays on the device inside a mux.
  EXPECT_EQ(stream.parts[0].layout->padded_width, 16);
  EXPECT_EQ(stream.parts[1].parts[0].layout->order, DeviceOrder::kFcr);
  ASSERT_EQ(file->groups[0].views.size(), 2);
  EXPECT_EQ(file->groups[0].views[0].name, "net/conv1");
  EXPECT_EQ(file->groups[0].views[1].name, "net/conv2");
}

TEST(HefCompositeStream, RefusesAMuxOfOtherPartsThanAnnounced) {
  const Wire part = Wire().message(1, layer_wire({}));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 4, mux_wire("m", {part}, 4'000'000'000)))));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 4, mux_wire("m", {}, 0)))));
  EXPECT_FALSE(read_wire(root_of_edge(edge_wire({}, 1, 4, mux_wire("m", {Wire()}, 1)))));
}

TEST(HefCompositeStream, PlanesAreOnePicture) {
  StreamSpec luma;
  luma.name = "net/y";
  luma.output = false;
  StreamSpec chroma = luma;
  chroma.name = "net/uv";
  const Wire planes = Wire()
                          .text(1, "net/input")
                          .number(2, 0)
                          .message(3, Wire().message(1, layer_wire(luma)))
                          .message(3, Wire().message(1, layer_wire(chroma)))
                          .number(4, 480)
                          .number(5, 640)
                          .number(6, 3);
  const auto file = read_wire(root_of_edge(edge_wire(luma, 2, 8, planes)));
  ASSERT_TRUE(file) << file.error().text();
  const HefStream& stream = file->groups[0].streams[0];
  EXPECT_EQ(stream.content, HefContent::kPlanes);
  EXPECT_EQ(stream.parts.size(), 2);
  EXPECT_FALSE(stream.layout);
  const HefView& view = file->groups[0].views.at(0);
  EXPECT_EQ(view.order, "NV12");
  EXPECT_THAT(*view.size, ElementsAre(480, 640, 3));
}

}  // namespace
}  // namespace quant
