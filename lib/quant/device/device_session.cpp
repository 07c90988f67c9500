// SPDX-License-Identifier: MIT
#include "quant/device/device_session.h"

#include "quant/device/session_core.h"

namespace quant {

DeviceResult<std::unique_ptr<DeviceSession>> DeviceSession::open(
    std::shared_ptr<DeviceDriver> driver, const SessionOptions& options) {
  std::unique_ptr<DeviceSession> session(
      new DeviceSession(std::make_shared<SessionCore>(std::move(driver), options)));
  if (auto opened = session->core_->wait_until_open(); !opened) {
    return tl::unexpected<DeviceError>(std::move(opened).error());
  }
  return session;
}

DeviceSession::DeviceSession(std::shared_ptr<SessionCore> core)
    : core_(std::move(core)), worker_([core = core_] { core->run(); }) {}

DeviceSession::~DeviceSession() { shut_down(); }

void DeviceSession::shut_down() {
  const std::lock_guard lock(shutting_down_);
  if (!worker_.joinable()) return;
  if (core_->stop()) {
    worker_.join();
  } else {
    // It holds all that it may still touch.
    worker_.detach();
  }
}

const DeviceInfo& DeviceSession::info() const { return core_->info(); }
const std::vector<DeviceStream>& DeviceSession::inputs() const { return core_->inputs(); }
const std::vector<DeviceStream>& DeviceSession::outputs() const { return core_->outputs(); }
int DeviceSession::queue_size() const { return core_->queue_size(); }
DeviceResult<void> DeviceSession::submit(std::vector<Tensor> inputs) {
  return core_->submit(std::move(inputs));
}
DeviceResult<std::vector<Tensor>> DeviceSession::next() { return core_->next(); }
int DeviceSession::pending() const { return core_->pending(); }
void DeviceSession::flush() { core_->flush(); }
std::optional<DeviceError> DeviceSession::lost() const { return core_->lost(); }
SessionStats DeviceSession::stats() const { return core_->stats(); }
DeviceHealth DeviceSession::health() const { return core_->health(); }
std::vector<SessionEvent> DeviceSession::take_events() { return core_->take_events(); }

}  // namespace quant
