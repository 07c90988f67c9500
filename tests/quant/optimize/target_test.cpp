// SPDX-License-Identifier: MIT
// A user of 16 bits on an 8-bit product of activations got "unsupported layers" and could do
// nothing with it: every layer, the reason and the remedy must be there.
#include "quant/optimize/target.h"

#include <gmock/gmock.h>

#include "quant/graph_builder.h"
#include "quant/optimize/script_plan.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// fc1, fc2 → matmul1 → softmax1 → matmul2(softmax1, fc3) → fc4 → ew_add1(fc4, x).
Graph attention() {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 16, 8});
  const auto dense = [&](ValueId in) {
    return builder.node(OpKind::kMatMul, {in, builder.random({8, 8}, 0.5F)});
  };
  const ValueId q = dense(x);
  const ValueId k =
      builder.node(OpKind::kTranspose, {dense(x)},
                   testing::attributes({{"perm", std::vector<std::int64_t>{0, 2, 1}}}));
  const ValueId weights = builder.node(OpKind::kSoftmax, {builder.node(OpKind::kMatMul, {q, k})},
                                       testing::attributes({{"axis", std::int64_t{-1}}}));
  const ValueId mixed = builder.node(OpKind::kMatMul, {weights, dense(x)});
  return builder.build({builder.node(OpKind::kAdd, {dense(mixed), x})});
}

QuantizationPlan plan_of(const Graph& graph, const std::string& text) {
  const auto script = parse_model_script({"vit.alls", text});
  EXPECT_TRUE(script) << script.error().text();
  auto plan = plan_script(*script, graph, "vit");
  EXPECT_TRUE(plan) << plan.error().text();
  return plan ? plan->plan : QuantizationPlan{};
}

TEST(Target, GenericAllowsEverything) {
  const Graph graph = attention();
  const auto report = target_report(
      Target::kGeneric, graph, plan_of(graph, "quantization_param({*}, precision_mode=a16_w4)"));
  ASSERT_TRUE(report);
  EXPECT_THAT(report->violations, IsEmpty());
}

TEST(Target, EveryPairIsListedAndTheFixMends) {
  const Graph graph = attention();
  const std::string script = "quantization_param({fc*}, precision_mode=a16_w16)\n";
  const auto report = target_report(Target::kHailo8, graph, plan_of(graph, script));
  ASSERT_TRUE(report) << report.error().text();
  std::vector<std::string> layers;
  for (const TargetViolation& violation : report->violations) layers.push_back(violation.layers);
  EXPECT_THAT(layers, ElementsAre("fc1 and matmul1", "fc2 and matmul1", "fc3 and matmul2",
                                  "fc4 and ew_add1"));
  EXPECT_THAT(
      report->violations[1].reason,
      HasSubstr("fc2 puts out 16 bits and matmul1 reads 8; a precision_change from 16 to 8"));
  ASSERT_THAT(report->fixes,
              ElementsAre("quantization_param([ew_add1], precision_mode=a16_w16)",
                          "quantization_param([fc1, fc2, fc3], precision_mode=a8_w8)"));
  std::string mended = script;
  for (const std::string& fix : report->fixes) mended += fix + "\n";
  EXPECT_TRUE(check_target(Target::kHailo8, graph, plan_of(graph, mended)));
}

TEST(Target, ModesThatTheDeviceLacks) {
  const Graph graph = attention();
  const QuantizationPlan plan = plan_of(graph,
                                        "quantization_param([fc1], precision_mode=a8_w4)\n"
                                        "quantization_param([fc2], precision_mode=a16_w8)\n"
                                        "quantization_param([softmax1], precision_mode=a16_w16)\n");
  const auto status = check_target(Target::kHailo8l, graph, plan);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(status.error().message, HasSubstr("hailo8l"));
  EXPECT_THAT(status.error().message, HasSubstr("fc2: a16_w8 is none of a8_w8, a8_w4, a16_w16"));
  EXPECT_THAT(status.error().message, HasSubstr("softmax1: Softmax reads 8 bits only"));
  EXPECT_THAT(status.error().message, ::testing::Not(HasSubstr("fc1:")));
}

TEST(Target, NamesRoundTrip) {
  for (const Target target : {Target::kGeneric, Target::kHailo8, Target::kHailo8l})
    EXPECT_EQ(target_from_string(to_string(target)), target);
  EXPECT_FALSE(target_from_string("hailo9"));
}

}  // namespace
}  // namespace quant
