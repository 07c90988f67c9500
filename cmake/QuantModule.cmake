# SPDX-License-Identifier: MIT
# quant_module(NAME SOURCES … MODULES … LIBRARIES …): one module of lib/quant as a static library.
# quant_test(NAME SOURCES … LIBRARIES … LABELS …): one test executable, run by ctest under its name.
# A module names the modules that it may include; tests/include_direction_test.py checks the order.

# What is instrumented runs several times slower.
set(GST_QUANT_TIME_FACTOR 1)
if(GST_QUANT_SANITIZE)
  set(GST_QUANT_TIME_FACTOR 8)
endif()

function(quant_module name)
  cmake_parse_arguments(ARG "" "" "SOURCES;MODULES;LIBRARIES" ${ARGN})
  list(TRANSFORM ARG_MODULES PREPEND quant_)
  add_library(quant_${name} STATIC ${ARG_SOURCES})
  target_include_directories(quant_${name} PUBLIC ${CMAKE_SOURCE_DIR}/lib)
  target_link_libraries(quant_${name} PUBLIC ${ARG_MODULES} ${ARG_LIBRARIES})
endfunction()

function(quant_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  math(EXPR timeout "${ARG_TIMEOUT} * ${GST_QUANT_TIME_FACTOR}")
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} GTest::gmock_main)
  target_compile_definitions(${name} PRIVATE
    GST_QUANT_SOURCE_DIR="${CMAKE_SOURCE_DIR}" GST_QUANT_BINARY_DIR="${CMAKE_BINARY_DIR}")
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT ${timeout} LABELS "${ARG_LABELS}"
                       ENVIRONMENT "${ARG_ENVIRONMENT}")
endfunction()
