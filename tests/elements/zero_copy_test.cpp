// SPDX-License-Identifier: MIT
// No frame is copied where it fits already, and once a pipeline runs, tensors go round in memory
// that is there: both are counted, not timed.
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <set>
#include <string>

#include "elements/pipeline.h"
#include "elements/tiny_model.h"
#include "gst/quant/quant.h"
#include "quant/base/buffer_cache.h"

namespace {

// Smaller blocks never leave the allocator's own lists.
constexpr std::size_t kLarge = quant::BufferCache::kSmallest;
std::atomic<int> large_blocks = 0;

void* allocate(std::size_t size, std::size_t alignment) {
  if (size >= kLarge) ++large_blocks;
  void* memory = std::aligned_alloc(alignment, (size + alignment) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

// Those of the library and of the plugin, too: the program's own come first.
void* operator new(std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new[](std::size_t size) { return allocate(size, alignof(std::max_align_t)); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

// GStreamer's memory, counted. As the default allocator it serves sources, pools and whoever makes
// a buffer writable.
struct CountedMemory {
  GstMemory memory;
  gpointer data;
};
static std::atomic<int> allocations = 0;
static std::atomic<int> copies = 0;

typedef GstAllocator CountingAllocator;
typedef GstAllocatorClass CountingAllocatorClass;
GType counting_allocator_get_type();
G_DEFINE_TYPE(CountingAllocator, counting_allocator, GST_TYPE_ALLOCATOR)

static GstMemory* counted_alloc(GstAllocator* allocator, gsize size, GstAllocationParams* params) {
  ++allocations;
  auto* counted = new CountedMemory;
  const gsize all = size + params->prefix + params->padding;
  counted->data = std::aligned_alloc(64, (all + 64) / 64 * 64);
  gst_memory_init(&counted->memory, params->flags, allocator, nullptr, all, 63, params->prefix,
                  size);
  return &counted->memory;
}

static void counted_free(GstAllocator*, GstMemory* memory) {
  auto* counted = reinterpret_cast<CountedMemory*>(memory);
  if (memory->parent == nullptr) std::free(counted->data);
  delete counted;
}

static gpointer counted_map(GstMemory* memory, gsize, GstMapFlags) {
  return reinterpret_cast<CountedMemory*>(memory)->data;
}
static void counted_unmap(GstMemory*) {}

static GstMemory* counted_share(GstMemory* memory, gssize offset, gssize size) {
  auto* shared = new CountedMemory;
  shared->data = reinterpret_cast<CountedMemory*>(memory)->data;
  GstMemory* parent = memory->parent != nullptr ? memory->parent : memory;
  const gsize length =
      size < 0 ? memory->size - static_cast<gsize>(offset) : static_cast<gsize>(size);
  gst_memory_init(&shared->memory, GST_MEMORY_FLAG_READONLY, memory->allocator, parent,
                  memory->maxsize, memory->align, memory->offset + static_cast<gsize>(offset),
                  length);
  return &shared->memory;
}

static GstMemory* counted_copy(GstMemory* memory, gssize offset, gssize size) {
  ++copies;
  GstAllocationParams params = {};
  const gsize length =
      size < 0 ? memory->size - static_cast<gsize>(offset) : static_cast<gsize>(size);
  GstMemory* copy = counted_alloc(memory->allocator, length, &params);
  memcpy(reinterpret_cast<CountedMemory*>(copy)->data,
         static_cast<const char*>(reinterpret_cast<CountedMemory*>(memory)->data) + memory->offset +
             offset,
         length);
  return copy;
}

static void counting_allocator_class_init(CountingAllocatorClass* klass) {
  klass->alloc = counted_alloc;
  klass->free = counted_free;
}

static void counting_allocator_init(CountingAllocator* allocator) {
  allocator->mem_type = "counted";
  allocator->mem_map = counted_map;
  allocator->mem_unmap = counted_unmap;
  allocator->mem_share = counted_share;
  allocator->mem_copy = counted_copy;
}

namespace quant::testing {
namespace {

constexpr TinyModelOptions kLargeTensors = {.width = 320, .height = 240};

class CountingMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    previous_ = gst_allocator_find(nullptr);
    auto* counting =
        static_cast<GstAllocator*>(g_object_new(counting_allocator_get_type(), nullptr));
    gst_object_ref_sink(counting);
    gst_allocator_set_default(counting);
  }
  void TearDown() override { gst_allocator_set_default(previous_); }

 private:
  GstAllocator* previous_ = nullptr;
};

// Counted from the frame on at which everything has found its memory.
struct Watch {
  static constexpr int kWarmUp = 10;
  int frames = 0;
  int shared = 0;  // frames whose input tensor is their own memory
  int large_before = 0, allocations_before = 0, copies_before = 0;
  int large = 0, gst_allocations = 0, gst_copies = 0;
};

const guint8* address_of(GstBuffer* buffer) {
  GstMapInfo map = GST_MAP_INFO_INIT;
  if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return nullptr;
  const guint8* address = map.data;
  gst_buffer_unmap(buffer, &map);
  return address;
}

GstPadProbeReturn watch_frame(GstPad*, GstPadProbeInfo* info, gpointer data) {
  auto& watch = *static_cast<Watch*>(data);
  GstBuffer* frame = GST_PAD_PROBE_INFO_BUFFER(info);
  const GstQuantTensor* input = gst_buffer_get_quant_tensor(frame, GST_QUANT_TENSOR_ROLE_INPUT, 0);
  if (input != nullptr && address_of(input->data) == address_of(frame)) ++watch.shared;
  if (++watch.frames == Watch::kWarmUp) {
    watch.large_before = large_blocks;
    watch.allocations_before = allocations;
    watch.copies_before = copies;
  }
  watch.large = large_blocks - watch.large_before;
  watch.gst_allocations = allocations - watch.allocations_before;
  watch.gst_copies = copies - watch.copies_before;
  return GST_PAD_PROBE_OK;
}

Watch play(const std::string& caps, const std::string& behind = {}) {
  Watch watch;
  Pipeline pipeline("videotestsrc num-buffers=40 ! video/x-raw," + caps +
                    " ! quantnormalize ! quantinfer model=" + tiny_model(kLargeTensors) +
                    " ! quantdequantize" + behind + " ! fakesink name=sink");
  GstPad* pad = gst_element_get_static_pad(pipeline.element("sink"), "sink");
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, watch_frame, &watch, nullptr);
  gst_object_unref(pad);
  EXPECT_TRUE(pipeline.run()) << pipeline.error();
  EXPECT_EQ(watch.frames, 40);
  return watch;
}

TEST_F(CountingMemory, AFrameThatFitsIsTheTensorAndNothingIsAllocated) {
  const Watch watch = play("format=RGB,width=320,height=240");
  EXPECT_EQ(watch.shared, 40);
  EXPECT_EQ(watch.gst_copies, 0);
  EXPECT_EQ(watch.gst_allocations, 0);
  EXPECT_EQ(watch.large, 0);
}

TEST_F(CountingMemory, AFrameThatIsConvertedGoesToPooledMemory) {
  for (const char* caps : {"format=NV12,width=640,height=480", "format=BGR,width=320,height=240",
                           "format=RGB,width=128,height=96"}) {
    const Watch watch = play(caps);
    EXPECT_EQ(watch.shared, 0) << caps;
    EXPECT_EQ(watch.gst_copies, 0) << caps;
    EXPECT_EQ(watch.gst_allocations, 0) << caps;
    EXPECT_EQ(watch.large, 0) << caps;
  }
}

TEST_F(CountingMemory, MeasuringAllocatesNothingEither) {
  const Watch watch =
      play("format=RGB,width=320,height=240", " ! quanttee reference=native attach-reference=true");
  EXPECT_EQ(watch.shared, 40);
  EXPECT_EQ(watch.gst_copies, 0);
  EXPECT_EQ(watch.gst_allocations, 0);
  EXPECT_EQ(watch.large, 0);
}

// The counters count: whoever draws on the picture behind us makes GStreamer copy it.
TEST_F(CountingMemory, DrawingBehindATeeCopiesTheFrame) {
  const Watch watch = play("format=RGB,width=320,height=240", " ! videobalance contrast=0.5");
  EXPECT_EQ(watch.shared, 0);
  EXPECT_GT(watch.gst_copies + watch.gst_allocations, 0);
}

}  // namespace
}  // namespace quant::testing
