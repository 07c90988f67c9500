// SPDX-License-Identifier: MIT
// How a test steers the stand-in library and what it asks it afterwards. The library is loaded like
// the real one, so everything goes through one C function that a test looks up by name.
//
//   hailo_stand_in_control("fail run_async 63")      the next call of that kind answers 63
//   hailo_stand_in_control("complete 4")             the next frame completes with that status
//   hailo_stand_in_control("hang run" | "hang shutdown" | "release")
//   hailo_stand_in_control("delay 20")               every frame takes 20 ms
//   hailo_stand_in_control("twice")                  the next frame completes twice
//   hailo_stand_in_control("devices 0000:01:00.0,…" | "devices")
//   hailo_stand_in_control("temperature 104.5")
//   hailo_stand_in_control("version 4 21 0")
//   hailo_stand_in_control("count vdevices|models|configured|frames|misaligned|threshold|priority|
//                           timeout|batch|bindings") answers the number; of bindings that of sets
//                           made
//   hailo_stand_in_control("reset")                  all as at the beginning
// Answers −1 to what it does not know.
//
// Its networks are text files: "stand-in", then a line a stream,
//   input|output NAME TYPE ORDER HEIGHT WIDTH FEATURES SCALE ZERO_POINT
// Output element i is (input element (i mod inputs) + i) mod 2^bits, of the first input.
#pragma once

extern "C" __attribute__((visibility("default"))) long hailo_stand_in_control(const char* command);

inline constexpr const char* kStandInControl = "hailo_stand_in_control";
