// SPDX-License-Identifier: MIT
// A pipeline under test: started from a launch line, its bus read, its buffers kept, stopped at the
// end.
#pragma once

#include <gst/gst.h>

#include <mutex>
#include <string>
#include <vector>

#include "plugin/gst_pointer.h"

namespace quant::testing {

using element::GstPointer;

class Pipeline {
 public:
  // Fails the test where the line does not parse.
  explicit Pipeline(const std::string& launch_line);
  ~Pipeline();
  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  GstElement* get() { return pipeline_; }
  // Borrowed.
  GstElement* element(const std::string& name);
  // Keeps every buffer that leaves or enters that element through that pad.
  void keep_buffers(const std::string& element, const std::string& pad);
  std::vector<GstBuffer*> buffers();  // borrowed
  void forget_buffers();

  // Waits until it is there; false on failure.
  bool set_state(GstState state);
  // Plays until EOS (true) or an error message or 30 s (false). Stays in PLAYING.
  bool run();
  // Waits for EOS, an error or the time.
  bool wait(GstClockTime timeout = 30 * GST_SECOND);
  // Waits for an element message of that name.
  bool wait_for(const std::string& message_name, GstClockTime timeout = 30 * GST_SECOND);

  // What came on the bus so far. Structures are the pipeline's.
  const std::vector<const GstStructure*> messages(const std::string& name);
  std::string error() const { return error_; }
  std::string warning() const { return warning_; }
  int warnings() const { return warnings_; }
  GQuark error_domain() const { return error_domain_; }
  int error_code() const { return error_code_; }

 private:
  bool handle(GstMessage* message);

  GstElement* pipeline_ = nullptr;
  std::vector<GstPointer<GstMiniObject>> messages_;
  std::string error_;
  std::string warning_;
  int warnings_ = 0;
  GQuark error_domain_ = 0;
  int error_code_ = 0;
  std::mutex mutex_;
  std::vector<GstPointer<GstBuffer>> buffers_;
};

}  // namespace quant::testing
