// SPDX-License-Identifier: MIT
// The state behind stand_in_control.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "hailo/hailort.h"

namespace stand_in {

class Control {
 public:
  static Control& instance();

  // −1: not understood.
  long obey(const std::string& command);

  // The status that a call was told to fail with, once; HAILO_SUCCESS otherwise.
  hailo_status next(const std::string& call);
  // What the next frame completes with.
  hailo_status next_completion();
  bool next_completes_twice();
  std::chrono::milliseconds delay();
  // Where the test asked for a hang: until it is released.
  void wait_while_hanging(const std::string& where);
  std::vector<std::string> devices();
  float temperature_c();
  hailo_version_t version();
  void set(const std::string& counter, long value);
  void add(const std::string& counter, long value);

 private:
  Control();
  void reset();

  std::mutex mutex_;
  std::condition_variable released_;
  std::map<std::string, std::vector<int>> failures_;
  std::vector<int> completions_;
  bool twice_ = false;
  std::set<std::string> hanging_;
  std::chrono::milliseconds delay_{0};
  std::vector<std::string> devices_;
  float temperature_c_ = 0;
  hailo_version_t version_{};
  std::map<std::string, long> counters_;
};

}  // namespace stand_in
