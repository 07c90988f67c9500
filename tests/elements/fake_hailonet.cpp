// SPDX-License-Identifier: MIT
#include "elements/fake_hailonet.h"

#include <gst/base/gstbasetransform.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "plugin/gst_pointer.h"
#include "quant/backend/match_streams.h"
#include "quant/backend/model.h"

namespace quant::testing {

namespace {

using element::GstPointer;

// hailonet's own numbers.
constexpr std::int32_t kTypeUint8 = 1;
constexpr std::int32_t kOrderNhwc = 1;
constexpr std::int32_t kOrderNms = 9;
constexpr guint kPoolSize = 4;

gsize meta_size = 0;
GType meta_api = 0;

struct Output {
  std::string name;
  StreamShape shape;
  QuantParams params;
  GstPointer<GstBufferPool> pool;
};

struct State {
  FakeHailonet options;
  std::shared_ptr<const Model> model;
  std::unique_ptr<Backend> emulator;
  std::vector<Output> outputs;
  int frames = 0;
};

template <typename T>
void put(GstMeta* meta, gsize offset, T value) {
  std::memcpy(reinterpret_cast<char*>(meta) + offset, &value, sizeof(value));
}

void describe(GstMeta* meta, const Output& output, bool boxes, bool scale_is_zero) {
  std::strncpy(reinterpret_cast<char*>(meta) + 16, output.name.c_str(), 127);
  const gsize shape = meta_size == 184 ? 152 : 420;
  const gsize quant = meta_size == 184 ? 168 : meta_size == 448 ? 432 : 436;
  if (meta_size == 184) {
    put(meta, 144, kTypeUint8);
    put(meta, 148, static_cast<std::uint8_t>(boxes));
  } else {
    put(meta, 408, kTypeUint8);
    put(meta, 412, boxes ? kOrderNms : kOrderNhwc);
  }
  put(meta, shape, static_cast<std::uint32_t>(output.shape.height));
  put(meta, shape + 4, static_cast<std::uint32_t>(output.shape.width));
  put(meta, shape + 8, static_cast<std::uint32_t>(output.shape.channels));
  if (boxes || scale_is_zero) return;
  put(meta, quant, output.params.zero_point[0]);
  put(meta, quant + 4, output.params.scale[0]);
  put(meta, quant + 8, output.params.range_min);
  put(meta, quant + 12, output.params.range_max);
}

// Element by element: the kernels under test have no part in it.
template <typename T>
std::vector<std::byte> lay_out(const Output& output, const Tensor& planes, const State& state) {
  const StreamShape& shape = output.shape;
  const bool no_transform = state.options.no_transform;
  const std::int64_t row = no_transform ? (shape.width + 7) / 8 * 8 : shape.width;
  const std::size_t size = state.options.floats ? sizeof(float) : sizeof(T);
  std::vector<std::byte> bytes(static_cast<std::size_t>(shape.height * row * shape.channels) * size,
                               std::byte{0xEE});
  const T* source = planes.data<T>().data();
  for (std::int64_t c = 0; c < shape.channels; ++c) {
    for (std::int64_t h = 0; h < shape.height; ++h) {
      for (std::int64_t w = 0; w < shape.width; ++w) {
        const T q = *source++;
        const auto at =
            static_cast<std::size_t>(no_transform ? (h * shape.channels + c) * row + w
                                                  : (h * shape.width + w) * shape.channels + c);
        if (state.options.floats) {
          const std::size_t k = output.params.per_channel() ? static_cast<std::size_t>(c) : 0;
          const float real =
              (static_cast<float>(q) - output.params.zero_point[k]) * output.params.scale[k];
          std::memcpy(bytes.data() + at * size, &real, size);
        } else {
          std::memcpy(bytes.data() + at * size, &q, size);
        }
      }
    }
  }
  bytes.resize(bytes.size() - static_cast<std::size_t>(state.options.cut_bytes));
  return bytes;
}

GstPointer<GstBufferPool> make_pool(gsize size) {
  GstPointer<GstBufferPool> pool(gst_buffer_pool_new());
  GstStructure* config = gst_buffer_pool_get_config(pool.get());
  gst_buffer_pool_config_set_params(config, nullptr, static_cast<guint>(size), 1, kPoolSize);
  EXPECT_TRUE(gst_buffer_pool_set_config(pool.get(), config));
  EXPECT_TRUE(gst_buffer_pool_set_active(pool.get(), TRUE));
  return pool;
}

// False where somebody holds all tensors of the pool.
bool attach(State& state, GstBuffer* frame, Output& output, const std::vector<std::byte>& bytes,
            bool boxes) {
  const bool stale = state.frames >= state.options.stale_from;
  if (!output.pool) output.pool = make_pool(bytes.size());
  GstBufferPoolAcquireParams params{};
  params.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
  GstBuffer* tensor = nullptr;
  if (gst_buffer_pool_acquire_buffer(output.pool.get(), &tensor, &params) != GST_FLOW_OK) {
    return false;
  }
  const GstPointer<GstBuffer> owner(tensor);
  if (!stale) gst_buffer_fill(tensor, 0, bytes.data(), bytes.size());
  GstMeta* meta = gst_buffer_add_meta(tensor, gst_meta_get_info("GstHailoTensorMeta"), nullptr);
  describe(meta, output, boxes, state.options.scale_is_zero);
  gst_buffer_add_parent_buffer_meta(frame, tensor);
  return true;
}

void open(State& state) {
  state.model = *Model::open(state.options.model);
  state.emulator = *state.model->make_emulator(1);
  for (std::size_t i = 0; i < state.model->raw_outputs().size(); ++i) {
    const TensorInfo& info = state.model->raw_outputs()[i];
    const auto renamed = state.options.names.find(info.name);
    state.outputs.push_back({renamed == state.options.names.end() ? info.name : renamed->second,
                             stream_shape(info), state.model->raw_params()[i], nullptr});
  }
  // Boxes: two classes of at most three, (1 + 3·5) floats each.
  state.outputs.push_back({"nms", {"nms", 2, 3, 5}, {}, nullptr});
}

bool infer(State& state, GstBuffer* frame) {
  if (!state.model) open(state);
  const InputSpec& input = state.model->input();
  Tensor pixels(DataType::kUint8, {1, input.height, input.width, input.channels()});
  EXPECT_EQ(gst_buffer_extract(frame, 0, pixels.raw(), pixels.bytes()), pixels.bytes());
  std::vector<Tensor> raw;
  EXPECT_TRUE(state.emulator->run(std::span(&pixels, 1), raw));
  bool done = true;
  const FakeHailonet& options = state.options;
  for (std::size_t i = 0; i < raw.size() && !options.boxes_alone; ++i) {
    if (i == 0 && state.frames >= options.missing_from) continue;
    const auto bytes = raw[i].type() == DataType::kUint16
                           ? lay_out<std::uint16_t>(state.outputs[i], raw[i], state)
                           : lay_out<std::uint8_t>(state.outputs[i], raw[i], state);
    done = attach(state, frame, state.outputs[i], bytes, false) && done;
  }
  if (options.boxes || options.boxes_alone) {
    const std::vector<std::byte> bytes(std::size_t{2} * (1 + 3 * 5) * sizeof(float));
    done = attach(state, frame, state.outputs.back(), bytes, true) && done;
  }
  ++state.frames;
  return done;
}

}  // namespace

}  // namespace quant::testing

G_BEGIN_DECLS
struct FakeHailonetElement {
  GstBaseTransform parent;
  quant::testing::State* state;
};
struct FakeHailonetElementClass {
  GstBaseTransformClass parent_class;
};
G_END_DECLS

G_DEFINE_TYPE(FakeHailonetElement, fake_hailonet, GST_TYPE_BASE_TRANSFORM)

static GstFlowReturn fake_hailonet_transform_ip(GstBaseTransform* base, GstBuffer* buffer) {
  auto* self = reinterpret_cast<FakeHailonetElement*>(base);
  if (quant::testing::infer(*self->state, buffer)) return GST_FLOW_OK;
  GST_ELEMENT_ERROR(base, RESOURCE, NO_SPACE_LEFT, ("somebody holds hailonet's tensors"),
                    (nullptr));
  return GST_FLOW_ERROR;
}

static gboolean fake_hailonet_sink_event(GstBaseTransform* base, GstEvent* event) {
  auto* self = reinterpret_cast<FakeHailonetElement*>(base);
  if (GST_EVENT_TYPE(event) == GST_EVENT_EOS && self->state->options.loses_eos) {
    gst_event_unref(event);
    return TRUE;
  }
  return GST_BASE_TRANSFORM_CLASS(fake_hailonet_parent_class)->sink_event(base, event);
}

static void fake_hailonet_finalize(GObject* object) {
  delete reinterpret_cast<FakeHailonetElement*>(object)->state;
  G_OBJECT_CLASS(fake_hailonet_parent_class)->finalize(object);
}

static void fake_hailonet_class_init(FakeHailonetElementClass* klass) {
  static GstStaticPadTemplate sink =
      GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  static GstStaticPadTemplate src =
      GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
  auto* element_class = GST_ELEMENT_CLASS(klass);
  gst_element_class_add_static_pad_template(element_class, &sink);
  gst_element_class_add_static_pad_template(element_class, &src);
  gst_element_class_set_static_metadata(element_class, "Fake hailonet", "Filter/Video",
                                        "Tensors as hailonet attaches them", "The tests");
  G_OBJECT_CLASS(klass)->finalize = fake_hailonet_finalize;
  GST_BASE_TRANSFORM_CLASS(klass)->transform_ip = fake_hailonet_transform_ip;
  GST_BASE_TRANSFORM_CLASS(klass)->sink_event = fake_hailonet_sink_event;
}

static void fake_hailonet_init(FakeHailonetElement* self) {
  self->state = new quant::testing::State();
}

namespace quant::testing {

void register_fake_hailonet(gsize size) {
  static const gchar* tags[] = {"tensor_meta", nullptr};
  meta_size = size;
  meta_api = gst_meta_api_type_register("GstHailoTensorMetaAPI", tags);
  gst_meta_register(
      meta_api, "GstHailoTensorMeta", size,
      [](GstMeta* meta, gpointer, GstBuffer*) -> gboolean {
        std::memset(reinterpret_cast<char*>(meta) + sizeof(GstMeta), 0,
                    meta_size - sizeof(GstMeta));
        return TRUE;
      },
      nullptr, nullptr);
  gst_element_register(nullptr, "fakehailonet", GST_RANK_NONE, fake_hailonet_get_type());
}

void configure_fake_hailonet(GstElement* element, const FakeHailonet& options) {
  reinterpret_cast<FakeHailonetElement*>(element)->state->options = options;
}

}  // namespace quant::testing
