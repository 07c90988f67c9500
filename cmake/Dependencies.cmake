# SPDX-License-Identifier: MIT
# Every library that the project uses, found once. docs/architecture.md says which module uses which.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(hwy REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_package(Protobuf REQUIRED)
find_package(LibArchive REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CLI11 REQUIRED)
find_package(pugixml REQUIRED)

# OpenCVConfig.cmake lies in a package that pulls in all of OpenCV; the parts come without it.
find_path(OPENCV_INCLUDE_DIR opencv2/core.hpp PATH_SUFFIXES opencv4 REQUIRED)
foreach(part core imgproc imgcodecs videoio dnn)
  find_library(OPENCV_${part}_LIBRARY opencv_${part} REQUIRED)
  add_library(opencv_${part} INTERFACE)
  target_include_directories(opencv_${part} SYSTEM INTERFACE ${OPENCV_INCLUDE_DIR})
  target_link_libraries(opencv_${part} INTERFACE ${OPENCV_${part}_LIBRARY})
endforeach()

# Debian's own dnnl-config.cmake asks for OpenCL headers that the CPU engine does not need.
find_path(DNNL_INCLUDE_DIR dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)
add_library(onednn INTERFACE)
target_include_directories(onednn SYSTEM INTERFACE ${DNNL_INCLUDE_DIR})
# gomp: the OpenMP runtime behind Debian's oneDNN, asked for the number of threads.
target_link_libraries(onednn INTERFACE ${DNNL_LIBRARY} gomp)

# Only the messages: the process may also hold an ONNX Runtime that brings libonnx itself.
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
add_library(onnx_proto INTERFACE)
target_link_libraries(onnx_proto INTERFACE ${ONNX_PROTO_LIBRARY} protobuf::libprotobuf)
target_compile_definitions(onnx_proto INTERFACE ONNX_NAMESPACE=onnx ONNX_ML=1)

pkg_check_modules(GSTREAMER REQUIRED IMPORTED_TARGET
                  gstreamer-1.0>=1.22 gstreamer-base-1.0>=1.22 gstreamer-video-1.0>=1.22)
pkg_check_modules(GSTREAMER_CHECK IMPORTED_TARGET gstreamer-check-1.0>=1.22)
pkg_check_modules(GSTREAMER_ANALYTICS IMPORTED_TARGET gstreamer-analytics-1.0>=1.26)

# Optional. Debian 13 has a package; elsewhere tools/get-onnxruntime.sh brings it into a folder.
find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h HINTS ${GST_QUANT_ONNXRUNTIME_ROOT}
          PATH_SUFFIXES include include/onnxruntime include/onnxruntime/core/session onnxruntime onnxruntime/core/session)
find_library(ONNXRUNTIME_LIBRARY NAMES onnxruntime libonnxruntime.so.1 HINTS ${GST_QUANT_ONNXRUNTIME_ROOT}
             PATH_SUFFIXES lib)
if(ONNXRUNTIME_INCLUDE_DIR AND ONNXRUNTIME_LIBRARY)
  set(GST_QUANT_HAVE_ONNXRUNTIME ON)
  add_library(onnxruntime INTERFACE)
  target_include_directories(onnxruntime SYSTEM INTERFACE ${ONNXRUNTIME_INCLUDE_DIR})
  target_link_libraries(onnxruntime INTERFACE ${ONNXRUNTIME_LIBRARY})
  message(STATUS "Float reference: ONNX Runtime (${ONNXRUNTIME_LIBRARY})")
elseif(GST_QUANT_ONNXRUNTIME_ROOT)
  message(FATAL_ERROR "No ONNX Runtime (onnxruntime_cxx_api.h and libonnxruntime) in ${GST_QUANT_ONNXRUNTIME_ROOT}; "
                      "tools/get-onnxruntime.sh brings it")
else()
  set(GST_QUANT_HAVE_ONNXRUNTIME OFF)
  message(STATUS "Float reference: OpenCV DNN (ONNX Runtime not found)")
endif()

# Optional, for fine-tuning (levels 2 and up). Debian's TorchConfig.cmake asks for all of Caffe2's neighbours.
set(GST_QUANT_FINETUNE AUTO CACHE STRING "Fine-tuning with libtorch: AUTO (where it is found), ON or OFF")
set_property(CACHE GST_QUANT_FINETUNE PROPERTY STRINGS AUTO ON OFF)
set(GST_QUANT_HAVE_TORCH OFF)
if(NOT GST_QUANT_FINETUNE STREQUAL "OFF")
  find_path(TORCH_INCLUDE_DIR ATen/ATen.h)
  find_library(TORCH_CPU_LIBRARY torch_cpu)
  find_library(TORCH_C10_LIBRARY c10)
  if(TORCH_INCLUDE_DIR AND TORCH_CPU_LIBRARY AND TORCH_C10_LIBRARY)
    set(GST_QUANT_HAVE_TORCH ON)
    add_library(torch INTERFACE)
    target_include_directories(torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIR} ${TORCH_INCLUDE_DIR}/torch/csrc/api/include)
    target_link_libraries(torch INTERFACE ${TORCH_CPU_LIBRARY} ${TORCH_C10_LIBRARY})
    # It brings some sixty libraries: only programs that fine-tune shall load them, no plugin.
    target_link_options(torch INTERFACE LINKER:--as-needed)
  elseif(GST_QUANT_FINETUNE STREQUAL "ON")
    message(FATAL_ERROR "Fine-tuning wants libtorch (package libtorch-dev), which is not here; GST_QUANT_FINETUNE=OFF does without")
  endif()
endif()
message(STATUS "Fine-tuning with libtorch: ${GST_QUANT_HAVE_TORCH}")

if(GST_QUANT_TESTS)
  find_package(GTest REQUIRED)
endif()
if(GST_QUANT_BENCH)
  find_package(benchmark REQUIRED)
endif()
