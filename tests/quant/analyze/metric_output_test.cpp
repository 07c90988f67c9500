// SPDX-License-Identifier: MIT
// What a metric command prints, and the figures made of it.
#include "quant/analyze/metric_output.h"

#include <gmock/gmock.h>

#include "quant/analyze/evaluation_report.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string error_of(const std::string& text, std::size_t images) {
  const auto metrics = parse_metric_output(text, images);
  return metrics ? "no error" : metrics.error().text();
}

TEST(MetricOutput, LinesAreTheSetOrItsImages) {
  const auto one = parse_metric_output("71.25\n", 3);
  ASSERT_TRUE(one) << one.error().text();
  ASSERT_EQ(one->size(), 1U);
  EXPECT_EQ((*one)[0].name, "metric");
  EXPECT_THAT((*one)[0].values, ElementsAre(71.25));
  const auto each = parse_metric_output("\n1\n 2.5 \r\n\n-3e-2", 3);
  ASSERT_TRUE(each) << each.error().text();
  EXPECT_THAT((*each)[0].values, ElementsAre(1, 2.5, -0.03));
}

TEST(MetricOutput, ObjectsHaveNames) {
  const auto metrics = parse_metric_output(" {\"psnr\": 31.5, \"error\": [1, 2, 3]}\n", 3);
  ASSERT_TRUE(metrics) << metrics.error().text();
  ASSERT_EQ(metrics->size(), 2U);
  EXPECT_EQ((*metrics)[0].name, "error");
  EXPECT_THAT((*metrics)[0].values, ElementsAre(1, 2, 3));
  EXPECT_EQ((*metrics)[1].name, "psnr");
  EXPECT_THAT((*metrics)[1].values, ElementsAre(31.5));
}

TEST(MetricOutput, AnythingElseIsAnError) {
  EXPECT_THAT(error_of("", 3), HasSubstr("printed no number"));
  EXPECT_THAT(error_of("\n \n", 3), HasSubstr("printed no number"));
  EXPECT_THAT(error_of("1\nloss: 2\n3\n", 3), HasSubstr("line 2 is no finite number: 'loss: 2'"));
  EXPECT_THAT(error_of("nan\n", 3), HasSubstr("line 1 is no finite number"));
  EXPECT_THAT(error_of("1\n2\n", 3), HasSubstr("2 numbers of the metric: there is to be one, or "
                                               "one for each of the 3 images"));
  EXPECT_THAT(error_of("{\"a\": [1, 2]}", 3), HasSubstr("2 numbers of 'a'"));
  EXPECT_THAT(error_of("{\"a\": [1, \"2\", 3]}", 3), HasSubstr("'a' is neither a number"));
  EXPECT_THAT(error_of("{\"a\": {}}", 3), HasSubstr("'a' is neither a number"));
  EXPECT_THAT(error_of("{}", 3), HasSubstr("empty"));
  EXPECT_THAT(error_of("{\"a\": 1", 3), HasSubstr("not valid JSON"));
}

TEST(ExternalFigures, IntervalsWhereEachImageHasItsNumber) {
  const std::vector<std::vector<MetricValues>> outputs = {
      {{"each", {1, 2, 3, 6}}, {"whole", {0.5}}}, {{"each", {2, 3, 4, 7}}, {"whole", {0.25}}}};
  const std::vector<std::string> contexts = {"original", "quantized"};
  const auto figures = external_figures(outputs, contexts, 4, {});
  ASSERT_TRUE(figures) << figures.error().text();
  ASSERT_EQ(figures->size(), 2U);
  EXPECT_THAT((*figures)[0].values, ElementsAre(3, 4));
  ASSERT_TRUE((*figures)[0].intervals[0].has_value());
  EXPECT_NEAR((*figures)[0].intervals[0]->low, 1, 1e-12);
  EXPECT_NEAR((*figures)[0].intervals[0]->high, 1, 1e-12);
  EXPECT_THAT((*figures)[1].values, ElementsAre(0.5, 0.25));
  EXPECT_FALSE((*figures)[1].intervals[0].has_value());

  EvaluationReport report;
  report.contexts = contexts;
  report.images = 4;
  report.figures = *figures;
  const std::string text = to_text(report);
  EXPECT_THAT(text, HasSubstr("       quantized           4          +1  +1 .. +1\n"));
  EXPECT_THAT(text, HasSubstr("       quantized        0.25       -0.25  -\n"));
  EXPECT_THAT(text, HasSubstr("Differences to original; intervals"));
  EXPECT_EQ(to_json(report)["figures"][0]["contexts"][1]["difference"], 1);
  EXPECT_EQ(to_json(report)["figures"][0]["unit"], "");
}

TEST(ExternalFigures, ContextsHaveTheSameMetrics) {
  const std::vector<std::string> contexts = {"original", "quantized"};
  for (const std::vector<MetricValues>& other :
       {std::vector<MetricValues>{{"b", {1}}}, std::vector<MetricValues>{{"a", {1, 2}}},
        std::vector<MetricValues>{}}) {
    const std::vector<std::vector<MetricValues>> outputs = {{{"a", {1}}}, other};
    const auto figures = external_figures(outputs, contexts, 2, {});
    ASSERT_FALSE(figures);
    EXPECT_THAT(figures.error().text(),
                HasSubstr("the metrics of original and quantized are not the same"));
  }
}

}  // namespace
}  // namespace quant
