// SPDX-License-Identifier: MIT
// What the module takes for granted of HailoRT's headers, checked where it is compiled: a release
// that breaks one of these stops the build instead of a camera.
#include <hailo/hailort.hpp>
#include <type_traits>

namespace quant::hailort {
namespace {

using ::hailort::AsyncInferCompletionInfo;
using ::hailort::AsyncInferJob;
using ::hailort::ConfiguredInferModel;
using ::hailort::Expected;
using ::hailort::InferModel;
using ::hailort::MemoryView;
using ::hailort::VDevice;

// Layouts that C calls write into.
static_assert(sizeof(hailo_version_t) == 12);
static_assert(sizeof(hailo_device_id_t) == 32);
static_assert(sizeof(hailo_vdevice_params_t) == 40);
static_assert(offsetof(hailo_vdevice_params_t, device_ids) == 8);
static_assert(offsetof(hailo_vdevice_params_t, scheduling_algorithm) == 16);
static_assert(offsetof(hailo_vdevice_params_t, group_id) == 24);
static_assert(offsetof(hailo_vdevice_params_t, multi_process_service) == 32);
static_assert(sizeof(hailo_device_identity_t) == 140);
static_assert(offsetof(hailo_device_identity_t, device_architecture) == 56);
static_assert(sizeof(hailo_chip_temperature_info_t) == 12);
static_assert(offsetof(hailo_extended_device_information_t, neural_network_core_clock_rate) == 0);
static_assert(sizeof(hailo_format_t) == 12);
static_assert(sizeof(hailo_3d_image_shape_t) == 12);
static_assert(sizeof(hailo_quant_info_t) == 16);
static_assert(offsetof(hailo_quant_info_t, qp_zp) == 0);
static_assert(offsetof(hailo_quant_info_t, qp_scale) == 4);
// Zero points may have fractions.
static_assert(std::is_same_v<decltype(hailo_quant_info_t::qp_zp), float>);

// Numbers that messages and files carry.
static_assert(HAILO_SUCCESS == 0 && HAILO_TIMEOUT == 4 && HAILO_INVALID_HEF == 26);
static_assert(HAILO_DRIVER_OPERATION_FAILED == 36 && HAILO_STREAM_ABORT == 63);
static_assert(HAILO_DRIVER_NOT_INSTALLED == 64 && HAILO_DEVICE_IN_USE == 73);
static_assert(HAILO_OUT_OF_PHYSICAL_DEVICES == 74 && HAILO_INVALID_DEVICE_ARCHITECTURE == 75);
static_assert(HAILO_INVALID_DRIVER_VERSION == 76 && HAILO_RPC_FAILED == 77);
static_assert(HAILO_INVALID_SERVICE_VERSION == 78 && HAILO_NOT_SUPPORTED == 79);
static_assert(HAILO_QUEUE_IS_FULL == 82 && HAILO_DRIVER_TIMEOUT == 87);
static_assert(HAILO_HEF_FILE_CORRUPTED == 91 && HAILO_HEF_NOT_SUPPORTED == 92);
static_assert(HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE == 93);
static_assert(HAILO_FORMAT_TYPE_UINT8 == 1 && HAILO_FORMAT_TYPE_UINT16 == 2);
static_assert(HAILO_FORMAT_ORDER_NHWC == 1 && HAILO_FORMAT_ORDER_NHCW == 2);
static_assert(HAILO_FORMAT_ORDER_FCR == 3 && HAILO_FORMAT_ORDER_F8CR == 4);
static_assert(HAILO_FORMAT_ORDER_NHW == 5 && HAILO_FORMAT_ORDER_NC == 6);
static_assert(HAILO_FORMAT_ORDER_NCHW == 11);
static_assert(HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN == 1);
static_assert(HAILO_ARCH_HAILO8L == 2 && HAILO_ARCH_HAILO10H == 6);

// Calls: what is passed and what comes back.
using Callback = std::function<void(const AsyncInferCompletionInfo&)>;
using RunAsync = Expected<AsyncInferJob> (ConfiguredInferModel::*)(
    const ConfiguredInferModel::Bindings&, Callback);
static_assert(
    std::is_same_v<decltype(static_cast<RunAsync>(&ConfiguredInferModel::run_async)), RunAsync>);
static_assert(std::is_same_v<decltype(&ConfiguredInferModel::wait_for_async_ready),
                             hailo_status (ConfiguredInferModel::*)(std::chrono::milliseconds,
                                                                    std::uint32_t)>);
static_assert(std::is_same_v<decltype(&ConfiguredInferModel::shutdown),
                             hailo_status (ConfiguredInferModel::*)()>);
// Const since 4.21: an older library lacks the symbol that this declares.
static_assert(std::is_same_v<decltype(&ConfiguredInferModel::get_async_queue_size),
                             Expected<std::size_t> (ConfiguredInferModel::*)() const>);
static_assert(
    std::is_same_v<decltype(&ConfiguredInferModel::Bindings::InferStream::set_buffer),
                   hailo_status (ConfiguredInferModel::Bindings::InferStream::*)(MemoryView)>);
static_assert(std::is_same_v<decltype(std::declval<InferModel&>().inputs()),
                             const std::vector<InferModel::InferStream>&>);
static_assert(std::is_same_v<decltype(std::declval<InferModel&>().configure()),
                             Expected<ConfiguredInferModel>>);
static_assert(std::is_same_v<decltype(AsyncInferCompletionInfo::status), hailo_status>);
static_assert(std::is_same_v<decltype(VDevice::create(std::declval<hailo_vdevice_params_t&>())),
                             Expected<std::unique_ptr<VDevice>>>);
// A frame in flight has bindings of its own.
static_assert(std::is_copy_constructible_v<ConfiguredInferModel::Bindings>);

}  // namespace
}  // namespace quant::hailort
