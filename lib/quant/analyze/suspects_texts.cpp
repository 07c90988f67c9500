// SPDX-License-Identifier: MIT
// What every suspect leads to and what to do about it.
#include <array>

#include "quant/analyze/suspects.h"
#include "quant/passes/optimize_float.h"
#include "quant/passes/saturate.h"

namespace quant {
namespace {

constexpr std::array<SuspectText, 18> kTexts = {{
    {Suspect::kOriginalDiffers, "original-differs",
     "Every later figure is measured against the wrong network.",
     "Stop here: the importer or the description of the model's input is wrong. Check "
     "--input-shape and --end-node, and report the model if they are right."},
    {Suspect::kCalibrationTooFew, "calibration-too-few",
     "Ranges are those of a few pictures; what other pictures exceed is clipped.",
     "Take 64 or more frames of the real scene, at the times of day and places that count."},
    {Suspect::kCalibrationUnreadable, "calibration-unreadable",
     "The set is smaller than it looks, perhaps without one kind of picture.",
     "Convert or remove these files."},
    {Suspect::kCalibrationRepeated, "calibration-repeated",
     "Repetitions add time, not information: the set is as good as its distinct frames.",
     "Replace the repetitions by other frames."},
    {Suspect::kCalibrationNearDuplicates, "calibration-near-duplicates",
     "Frames of one scene have one scene's ranges, however many they are.",
     "Take frames further apart (every 50th of a video, several places), until few resemble "
     "another."},
    {Suspect::kCalibrationSingleColor, "calibration-single-color",
     "A black or plain frame activates next to nothing; ranges come out too small.",
     "Remove them and check where they come from (lens cap, start of a video, a wrong format)."},
    {Suspect::kCalibrationNoise, "calibration-noise",
     "Random pixels activate layers unlike any picture, and the signal-to-noise ratio looks better "
     "on them than it is.",
     "Calibrate on pictures of the real scene, never on random data."},
    {Suspect::kCalibrationOutOfDomain, "calibration-out-of-domain",
     "Values outside the calibrated ranges are clipped, and steps are spent where no values are.",
     "Add frames like those of the test set to the calibration set, from other recordings than "
     "the test's."},
    {Suspect::kNormalizationMissing, "normalization-missing",
     "The network sees values that it was not trained on; its float results are wrong already, "
     "and ranges are many times too wide.",
     "Give --mean and --std as in training, in pixel units (0…255). If the network was trained on "
     "raw pixels, this is no fault."},
    {Suspect::kNormalizationDoubled, "normalization-doubled",
     "The whole picture becomes almost one value; nothing behind it can tell pixels apart.",
     "Normalize once: either with --mean and --std, or inside the model, or in the files, and "
     "nowhere else."},
    {Suspect::kNormalizationMismatch, "normalization-mismatch",
     "Pixels at run time give other values than those of the set; what lies outside is clipped "
     "during calibration.",
     "Store uint8 pixels in the .npy file, or give the --mean and --std that its floats were made "
     "with."},
    {Suspect::kValuesNotFinite, "values-not-finite",
     "No range covers NaN or infinity: calibration stops at this tensor.",
     "Look at the first layer named: a division by zero, a logarithm or an exponential, or float16 "
     "weights that overflowed."},
    {Suspect::kWeightsUnbalanced, "weights-unbalanced",
     "With one scale for a whole layer the narrow channels get no more than one or two steps; "
     "accelerators report it as an unsupported required slope. One scale per output channel, as "
     "here, avoids the loss, not the shift range.",
     "Equalize (optimize does, unless --level is below 0), or train with batch normalization "
     "behind "
     "every convolution."},
    {Suspect::kActivationsUnbalanced, "activations-unbalanced",
     "All channels of a tensor share one scale: the narrow ones get less than three of 256 steps.",
     "Equalize (optimize does, unless --level is below 0), clip the wide channels, or train with "
     "batch "
     "normalization behind every convolution."},
    {Suspect::kLayerDead, "layer-dead",
     "A range of no width has no scale (\"limvals out small range\"); everything behind it "
     "computes "
     "with a constant.",
     "Check normalization first, then whether the calibration set shows what this branch looks "
     "for; else cut the branch off with --end-node."},
    {Suspect::kOutputConstant, "output-constant",
     "The output has no range, so no scale; at run time it is clipped to that constant.",
     "Check normalization first, then whether the calibration set shows what this output looks "
     "for; "
     "else leave it out with --end-node."},
    {Suspect::kOutputNeverActivates, "output-never-activates",
     "The range is calibrated on background only: real detections are clipped to it.",
     "Add frames with what the network looks for to the calibration set. If they are there, the "
     "normalization or the colour order is wrong."},
    {Suspect::kOutputMerged, "output-merged",
     "One scale covers all parts: the narrow ones keep a fraction of their steps (scores in steps "
     "of a pixel).",
     "Cut the graph before the merge, so that every part has a scale of its own, and merge on the "
     "host."},
}};

}  // namespace

std::span<const SuspectText> suspect_texts() { return kTexts; }

const SuspectText& text_of(Suspect suspect) { return kTexts[static_cast<std::size_t>(suspect)]; }

const char* to_string(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "note";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "note";
}

Result<SuspectModel> make_suspect_model(Graph native, const InputSpec& input) {
  SuspectModel model;
  model.input = input;
  QUANT_TRY_ASSIGN(Graph optimized, optimize_float(native, input));
  saturate(optimized);
  model.native = std::make_shared<const Graph>(std::move(native));
  model.optimized = std::make_shared<const Graph>(std::move(optimized));
  return model;
}

}  // namespace quant
