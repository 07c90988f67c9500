# SPDX-License-Identifier: MIT
# Language level, warnings, floating-point rules and sanitizers, the same for every target.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# -O3 makes the build longer and no kernel faster: those are vectorised by hand.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

# The quantized path is bit-exact: the compiler may not fuse a multiply and an add (docs/arithmetic.md).
add_compile_options(-ffp-contract=off -Wall -Wextra -Wshadow -Wno-missing-field-initializers)
add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> $<$<COMPILE_LANGUAGE:CXX>:-Woverloaded-virtual>)
if(GST_QUANT_WERROR)
  add_compile_options(-Werror)
endif()

if(GST_QUANT_SANITIZE)
  add_compile_options(-fsanitize=${GST_QUANT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${GST_QUANT_SANITIZE})
  # GCC 12 sees uninitialised members in instrumented std::optional and std::variant that are none.
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    add_compile_options(-Wno-maybe-uninitialized)
  endif()
endif()

if(GST_QUANT_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID MATCHES Clang)
    message(FATAL_ERROR "GST_QUANT_FUZZ needs clang, which has libFuzzer: CC=clang CXX=clang++")
  endif()
  add_compile_options(-fsanitize=fuzzer-no-link)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
