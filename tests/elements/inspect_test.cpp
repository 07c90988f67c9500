// SPDX-License-Identifier: MIT
// What gst-inspect-1.0 shows of each element, held to what upstream elements show.
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

class Inspected : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    element_ = gst_element_factory_make(GetParam().c_str(), nullptr);
    ASSERT_TRUE(element_);
  }
  void TearDown() override {
    if (element_) gst_object_unref(element_);
  }
  std::string metadata(const char* key) {
    return gst_element_class_get_metadata(GST_ELEMENT_GET_CLASS(element_), key);
  }

  GstElement* element_ = nullptr;
};

TEST_P(Inspected, SaysWhatItIs) {
  EXPECT_EQ(metadata(GST_ELEMENT_METADATA_KLASS), "Filter/Analyzer/Video");
  EXPECT_GT(metadata(GST_ELEMENT_METADATA_LONGNAME).size(), 8U);
  EXPECT_GT(metadata(GST_ELEMENT_METADATA_DESCRIPTION).size(), 60U);
  EXPECT_EQ(metadata(GST_ELEMENT_METADATA_AUTHOR), "The gst-quant developers");
  EXPECT_EQ(gst_plugin_feature_get_rank(GST_PLUGIN_FEATURE(gst_element_get_factory(element_))),
            static_cast<guint>(GST_RANK_NONE));
}

TEST_P(Inspected, NoPadTakesAnything) {
  GstPadTemplate* sink =
      gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(element_), "sink");
  ASSERT_TRUE(sink);
  GstCaps* caps = gst_pad_template_get_caps(sink);
  EXPECT_FALSE(gst_caps_is_any(caps));
  gst_caps_unref(caps);
}

TEST_P(Inspected, EveryPropertyIsDescribedAndSaysWhenItMayChange) {
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element_), &count);
  int own = 0;
  for (guint i = 0; i < count; ++i) {
    if (!g_str_has_prefix(g_type_name(specs[i]->owner_type), "GstQuant")) continue;
    ++own;
    const std::string name = specs[i]->name;
    EXPECT_GT(std::string(g_param_spec_get_blurb(specs[i])).size(), 10U) << name;
    EXPECT_EQ(name.find('_'), std::string::npos) << name;
    if (specs[i]->flags & G_PARAM_WRITABLE) {
      EXPECT_TRUE(specs[i]->flags & GST_PARAM_MUTABLE_READY) << name;
    }
  }
  g_free(specs);
  EXPECT_GE(own, 2);
}

TEST_P(Inspected, ItsPropertiesKeepWhatIsSet) {
  guint count = 0;
  GParamSpec** specs = g_object_class_list_properties(G_OBJECT_GET_CLASS(element_), &count);
  for (guint i = 0; i < count; ++i) {
    if (!g_str_has_prefix(g_type_name(specs[i]->owner_type), "GstQuant")) continue;
    if (!(specs[i]->flags & G_PARAM_WRITABLE)) continue;
    GValue set = G_VALUE_INIT;
    GValue got = G_VALUE_INIT;
    g_value_init(&set, specs[i]->value_type);
    g_value_init(&got, specs[i]->value_type);
    if (G_IS_PARAM_SPEC_STRING(specs[i])) {
      g_value_set_static_string(&set, "some value");
    } else if (G_IS_PARAM_SPEC_ENUM(specs[i])) {
      g_value_set_enum(&set, 1);
    } else if (G_IS_PARAM_SPEC_BOOLEAN(specs[i])) {
      g_value_set_boolean(&set, !G_PARAM_SPEC_BOOLEAN(specs[i])->default_value);
    } else if (G_IS_PARAM_SPEC_INT(specs[i])) {
      g_value_set_int(&set, 3);
    } else if (G_IS_PARAM_SPEC_UINT(specs[i])) {
      g_value_set_uint(&set, 3);
    } else if (G_IS_PARAM_SPEC_DOUBLE(specs[i])) {
      g_value_set_double(&set, 3);
    } else {
      ADD_FAILURE() << specs[i]->name << " is of a type that this test does not know";
    }
    g_object_set_property(G_OBJECT(element_), specs[i]->name, &set);
    g_object_get_property(G_OBJECT(element_), specs[i]->name, &got);
    EXPECT_EQ(g_param_values_cmp(specs[i], &set, &got), 0) << specs[i]->name;
    g_value_unset(&set);
    g_value_unset(&got);
  }
  g_free(specs);
}

INSTANTIATE_TEST_SUITE_P(Elements, Inspected,
                         ::testing::Values("quantnormalize", "quantinfer", "quantdequantize",
                                           "quanttee"),
                         [](const auto& parameter) { return parameter.param; });

// The names of gst-quant's --resize.
TEST(Scaling, SaysHowAFrameIsMadeToFit) {
  GstElement* element = gst_element_factory_make("quantnormalize", nullptr);
  ASSERT_TRUE(element);
  GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "scaling");
  ASSERT_TRUE(spec != nullptr && G_IS_PARAM_SPEC_ENUM(spec));
  const GEnumClass* values = G_PARAM_SPEC_ENUM(spec)->enum_class;
  std::vector<std::string> names;
  for (guint i = 0; i < values->n_values; ++i) {
    names.emplace_back(values->values[i].value_nick);
    EXPECT_GT(std::string(values->values[i].value_name).size(), 20U);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"stretch", "letterbox", "crop"}));
  gst_object_unref(element);
}

// The library that reads image files brings a hundred others: 38 MiB that no pipeline uses.
TEST(Plugin, BringsNoReaderOfImageFiles) {
  GstElement* element = gst_element_factory_make("quanttee", nullptr);
  ASSERT_TRUE(element);
  gst_object_unref(element);
  std::ifstream file("/proc/self/maps");
  if (!file) GTEST_SKIP() << "this system does not say what is loaded";
  const std::string maps{std::istreambuf_iterator<char>(file), {}};
  EXPECT_NE(maps.find("libopencv_core"), std::string::npos);
  EXPECT_EQ(maps.find("libopencv_imgcodecs"), std::string::npos);
}

TEST(Plugin, CarriesItsLicence) {
  GstPlugin* plugin = gst_registry_find_plugin(gst_registry_get(), "quant");
  ASSERT_TRUE(plugin);
  EXPECT_STREQ(gst_plugin_get_license(plugin), "MIT/X11");
  gst_object_unref(plugin);
}

}  // namespace
