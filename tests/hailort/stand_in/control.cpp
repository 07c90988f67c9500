// SPDX-License-Identifier: MIT
#include "control.h"

#include <sstream>
#include <utility>

#include "stand_in_control.h"

namespace stand_in {

Control& Control::instance() {
  static Control control;
  return control;
}

Control::Control() { reset(); }

void Control::reset() {
  failures_.clear();
  completions_.clear();
  twice_ = false;
  hanging_.clear();
  delay_ = {};
  devices_ = {"0000:01:00.0"};
  temperature_c_ = 48.5F;
  version_ = {STAND_IN_MAJOR, STAND_IN_MINOR, STAND_IN_REVISION};
  // What is alive stays counted.
  for (const char* setting :
       {"threshold", "priority", "timeout", "batch", "frames", "misaligned", "bindings"}) {
    counters_[setting] = 0;
  }
}

long Control::obey(const std::string& command) {
  std::istringstream words(command);
  std::string verb;
  words >> verb;
  const std::lock_guard lock(mutex_);
  std::string text;
  long number = 0;
  if (verb == "fail" && words >> text >> number) {
    failures_[text].push_back(static_cast<int>(number));
  } else if (verb == "complete" && words >> number) {
    completions_.push_back(static_cast<int>(number));
  } else if (verb == "twice") {
    twice_ = true;
  } else if (verb == "hang" && words >> text) {
    hanging_.insert(text);
  } else if (verb == "release") {
    hanging_.clear();
    released_.notify_all();
  } else if (verb == "delay" && words >> number) {
    delay_ = std::chrono::milliseconds(number);
  } else if (verb == "devices") {
    devices_.clear();
    if (words >> text) {
      std::istringstream ids(text);
      for (std::string id; std::getline(ids, id, ',');) devices_.push_back(id);
    }
  } else if (verb == "temperature") {
    words >> temperature_c_;
  } else if (verb == "version" && words >> version_.major >> version_.minor) {
    words >> version_.revision;
  } else if (verb == "count" && words >> text) {
    return counters_[text];
  } else if (verb == "reset") {
    reset();
    released_.notify_all();
  } else {
    return -1;
  }
  return 0;
}

hailo_status Control::next(const std::string& call) {
  const std::lock_guard lock(mutex_);
  auto& planned = failures_[call];
  if (planned.empty()) return HAILO_SUCCESS;
  const int status = planned.front();
  planned.erase(planned.begin());
  return static_cast<hailo_status>(status);
}

hailo_status Control::next_completion() {
  const std::lock_guard lock(mutex_);
  if (completions_.empty()) return HAILO_SUCCESS;
  const int status = completions_.front();
  completions_.erase(completions_.begin());
  return static_cast<hailo_status>(status);
}

bool Control::next_completes_twice() {
  const std::lock_guard lock(mutex_);
  return std::exchange(twice_, false);
}

std::chrono::milliseconds Control::delay() {
  const std::lock_guard lock(mutex_);
  return delay_;
}

void Control::wait_while_hanging(const std::string& where) {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [&] { return !hanging_.contains(where); });
}

std::vector<std::string> Control::devices() {
  const std::lock_guard lock(mutex_);
  return devices_;
}

float Control::temperature_c() {
  const std::lock_guard lock(mutex_);
  return temperature_c_;
}

hailo_version_t Control::version() {
  const std::lock_guard lock(mutex_);
  return version_;
}

void Control::set(const std::string& counter, long value) {
  const std::lock_guard lock(mutex_);
  counters_[counter] = value;
}

void Control::add(const std::string& counter, long value) {
  const std::lock_guard lock(mutex_);
  counters_[counter] += value;
}

}  // namespace stand_in

long hailo_stand_in_control(const char* command) {
  return stand_in::Control::instance().obey(command);
}
