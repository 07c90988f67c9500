// SPDX-License-Identifier: MIT
// gst-quant analyze: where along the network the signal is lost, layer by layer.
#include <fmt/format.h>

#include "command.h"
#include "progress_bar.h"
#include "quant/analyze/layer_noise_full.h"
#include "quant/analyze/noise_report_html.h"
#include "quant/base/atomic_file.h"

namespace quant::tool {
namespace {

// Full analysis runs the network once a layer and frame.
constexpr std::int64_t kFullFrames = 8;

struct Options {
  std::string model;
  std::string data;
  std::string resize = "stretch";
  std::int64_t most_frames = 0;
  int threads = 1;
  std::string html;
  bool full = false;
  bool json = false;
};

Status run(const Options& options) {
  QUANT_TRY_ASSIGN(const auto model, Model::open(options.model));
  QUANT_TRY_ASSIGN(const NoiseSubject subject, noise_subject(*model));
  QUANT_TRY_ASSIGN(auto analysis, LayerNoiseAnalysis::create(subject, options.threads));
  FrameOptions frame_options;
  frame_options.resize = *resize_mode_from_string(options.resize);
  QUANT_TRY_ASSIGN(FrameSource source,
                   FrameSource::open(options.data, model->input(), frame_options));
  const std::int64_t kept = options.most_frames > 0 ? options.most_frames : kFullFrames;
  std::vector<std::vector<Tensor>> kept_frames;  // for the full analysis
  {
    ProgressBar bar("analyzing");
    while (options.most_frames == 0 || source.summary().frames < options.most_frames) {
      QUANT_TRY_ASSIGN(const std::optional<Frame> frame, source.next());
      if (!frame) break;
      QUANT_TRY(analysis.add_frame(*frame));
      if (options.full && static_cast<std::int64_t>(kept_frames.size()) < kept)
        kept_frames.push_back(float_inputs(*frame, model->input()));
      bar.update(source.summary().frames,
                 options.most_frames > 0 ? options.most_frames : source.count().value_or(0));
    }
  }
  NoiseFindings findings;
  findings.model = options.model;
  findings.noise = analysis.report();
  if (options.full) {
    ProgressBar bar("each layer alone");
    const auto progress = [&bar](std::int64_t done, std::int64_t total) {
      bar.update(done, total);
    };
    QUANT_TRY(add_full_analysis(subject, kept_frames, options.threads, progress, findings.noise));
  }
  findings.worst = advise(findings.noise);
  findings.remarks = general_remarks(findings.noise, model->archive().calibration);
  if (!options.html.empty()) {
    const std::string page = to_html(findings);
    QUANT_TRY_ASSIGN(AtomicFile file, AtomicFile::create(options.html));
    QUANT_TRY(file.write(std::as_bytes(std::span(page))));
    QUANT_TRY(file.commit());
  }
  if (options.json) {
    fmt::print("{}\n", to_json(findings).dump(2));
  } else {
    fmt::print("{}", to_text(findings));
  }
  for (const SkippedImage& skipped : source.summary().skipped)
    fmt::print(stderr, "warning: {} was left out: {}\n", skipped.name, skipped.reason);
  return {};
}

}  // namespace

void add_analyze(CLI::App& app, Status& status) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "analyze",
      "Measures the noise of every layer against the float network, and says what to do");
  command->add_option("model", options->model, "Archive (.qar)")->required();
  command->add_option("--data", options->data, "Frames: folder of images, image, .npy or video")
      ->required();
  command->add_option("--resize", options->resize, "How images become frames")
      ->check(CLI::IsMember(resize_mode_names()))
      ->capture_default_str();
  command
      ->add_option("--frames", options->most_frames,
                   "Use at most so many frames (0: all, and 8 for --full)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  add_threads_to(*command, options->threads);
  command->add_flag("--full", options->full,
                    "Also quantizes each layer alone and measures at the model's outputs (slow)");
  command->add_flag("--json", options->json, "Report as JSON");
  command->add_option("--html", options->html, "Also writes the report as one page with charts");
  command->footer("Example:\n  gst-quant analyze face.qar --data photos/");
  command->callback([options, &status] { status = run(*options); });
}

}  // namespace quant::tool
