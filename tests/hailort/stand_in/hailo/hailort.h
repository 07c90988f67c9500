// SPDX-License-Identifier: MIT
// A stand-in for HailoRT's C header: what the module of this project uses, no more, with the names,
// values and layouts of HailoRT 4.23. Written from what is publicly known of it. Sizes are checked
// by the module's own assumptions (hailort_assumptions.cpp), which run against the real header as
// well.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HAILORTAPI __attribute__((visibility("default")))

typedef float float32_t;

typedef enum {
  HAILO_SUCCESS = 0,
  HAILO_UNINITIALIZED = 1,
  HAILO_INVALID_ARGUMENT = 2,
  HAILO_TIMEOUT = 4,
  HAILO_INSUFFICIENT_BUFFER = 5,
  HAILO_INVALID_OPERATION = 6,
  HAILO_NOT_IMPLEMENTED = 7,
  HAILO_INTERNAL_FAILURE = 8,
  HAILO_INVALID_HEF = 26,
  HAILO_DRIVER_OPERATION_FAILED = 36,
  HAILO_NOT_FOUND = 61,
  HAILO_STREAM_ABORT = 63,
  HAILO_DRIVER_NOT_INSTALLED = 64,
  HAILO_DEVICE_IN_USE = 73,
  HAILO_OUT_OF_PHYSICAL_DEVICES = 74,
  HAILO_INVALID_DEVICE_ARCHITECTURE = 75,
  HAILO_INVALID_DRIVER_VERSION = 76,
  HAILO_RPC_FAILED = 77,
  HAILO_INVALID_SERVICE_VERSION = 78,
  HAILO_NOT_SUPPORTED = 79,
  HAILO_QUEUE_IS_FULL = 82,
  HAILO_DRIVER_TIMEOUT = 87,
  HAILO_HEF_FILE_CORRUPTED = 91,
  HAILO_HEF_NOT_SUPPORTED = 92,
  HAILO_HEF_NOT_COMPATIBLE_WITH_DEVICE = 93,
  HAILO_STATUS_MAX_ENUM = INT32_MAX
} hailo_status;

typedef enum {
  HAILO_FORMAT_TYPE_AUTO = 0,
  HAILO_FORMAT_TYPE_UINT8 = 1,
  HAILO_FORMAT_TYPE_UINT16 = 2,
  HAILO_FORMAT_TYPE_FLOAT32 = 3,
  HAILO_FORMAT_TYPE_MAX_ENUM = INT32_MAX
} hailo_format_type_t;

typedef enum {
  HAILO_FORMAT_ORDER_AUTO = 0,
  HAILO_FORMAT_ORDER_NHWC = 1,
  HAILO_FORMAT_ORDER_NHCW = 2,
  HAILO_FORMAT_ORDER_FCR = 3,
  HAILO_FORMAT_ORDER_F8CR = 4,
  HAILO_FORMAT_ORDER_NHW = 5,
  HAILO_FORMAT_ORDER_NC = 6,
  HAILO_FORMAT_ORDER_NCHW = 11,
  HAILO_FORMAT_ORDER_NV12 = 13,
  HAILO_FORMAT_ORDER_HAILO_NMS_BY_CLASS = 22,
  HAILO_FORMAT_ORDER_MAX_ENUM = INT32_MAX
} hailo_format_order_t;

typedef enum {
  HAILO_FORMAT_FLAGS_NONE = 0,
  HAILO_FORMAT_FLAGS_MAX_ENUM = INT32_MAX
} hailo_format_flags_t;

typedef enum {
  HAILO_SCHEDULING_ALGORITHM_NONE = 0,
  HAILO_SCHEDULING_ALGORITHM_ROUND_ROBIN = 1,
  HAILO_SCHEDULING_ALGORITHM_MAX_ENUM = INT32_MAX
} hailo_scheduling_algorithm_t;

typedef enum {
  HAILO_ARCH_HAILO8_A0 = 0,
  HAILO_ARCH_HAILO8 = 1,
  HAILO_ARCH_HAILO8L = 2,
  HAILO_ARCH_HAILO15H = 3,
  HAILO_ARCH_HAILO15L = 4,
  HAILO_ARCH_HAILO15M = 5,
  HAILO_ARCH_HAILO10H = 6,
  HAILO_ARCH_MAX_ENUM = INT32_MAX
} hailo_device_architecture_t;

typedef enum { HAILO_DVM_OPTIONS_AUTO = INT32_MAX } hailo_dvm_options_t;

typedef enum { HAILO_POWER_MEASUREMENT_TYPES__AUTO = INT32_MAX } hailo_power_measurement_types_t;

typedef struct {
  hailo_format_type_t type;
  hailo_format_order_t order;
  hailo_format_flags_t flags;
} hailo_format_t;

typedef struct {
  float32_t qp_zp;
  float32_t qp_scale;
  float32_t limvals_min;
  float32_t limvals_max;
} hailo_quant_info_t;

typedef struct {
  uint32_t height;
  uint32_t width;
  uint32_t features;
} hailo_3d_image_shape_t;

typedef struct {
  uint32_t major;
  uint32_t minor;
  uint32_t revision;
} hailo_version_t;

typedef hailo_version_t hailo_firmware_version_t;

typedef struct {
  char id[32];
} hailo_device_id_t;

typedef struct {
  uint32_t device_count;
  hailo_device_id_t* device_ids;
  hailo_scheduling_algorithm_t scheduling_algorithm;
  const char* group_id;
  bool multi_process_service;
} hailo_vdevice_params_t;

typedef struct {
  uint32_t protocol_version;
  hailo_firmware_version_t fw_version;
  uint32_t logger_version;
  uint8_t board_name_length;
  char board_name[32];
  bool is_release;
  bool extended_context_switch_buffer;
  bool extended_fw_check;
  hailo_device_architecture_t device_architecture;
  uint8_t serial_number_length;
  char serial_number[16];
  uint8_t part_number_length;
  char part_number[16];
  uint8_t product_name_length;
  char product_name[42];
} hailo_device_identity_t;

typedef struct {
  float32_t ts0_temperature;
  float32_t ts1_temperature;
  uint16_t sample_count;
} hailo_chip_temperature_info_t;

// Of this one only the first field is read; what follows has other sizes in other releases.
typedef struct {
  uint32_t neural_network_core_clock_rate;
  uint8_t rest[92];
} hailo_extended_device_information_t;

typedef struct hailo_stand_in_device* hailo_device;
typedef struct hailo_scan_devices_params_t hailo_scan_devices_params_t;

HAILORTAPI hailo_status hailo_get_library_version(hailo_version_t* version);
HAILORTAPI const char* hailo_get_status_message(hailo_status status);
HAILORTAPI hailo_status hailo_scan_devices(hailo_scan_devices_params_t* params,
                                           hailo_device_id_t* device_ids,
                                           size_t* device_ids_length);
HAILORTAPI hailo_status hailo_create_device_by_id(const hailo_device_id_t* device_id,
                                                  hailo_device* device);
HAILORTAPI hailo_status hailo_release_device(hailo_device device);
HAILORTAPI hailo_status hailo_identify(hailo_device device,
                                       hailo_device_identity_t* device_identity);
HAILORTAPI hailo_status hailo_get_extended_device_information(
    hailo_device device, hailo_extended_device_information_t* extended_device_information);
HAILORTAPI hailo_status hailo_get_chip_temperature(hailo_device device,
                                                   hailo_chip_temperature_info_t* temp_info);
HAILORTAPI hailo_status hailo_power_measurement(hailo_device device, hailo_dvm_options_t dvm,
                                                hailo_power_measurement_types_t measurement_type,
                                                float32_t* measurement);
HAILORTAPI hailo_status hailo_init_vdevice_params(hailo_vdevice_params_t* params);

#ifdef __cplusplus
}
#endif
