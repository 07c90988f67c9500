// SPDX-License-Identifier: MIT
// The formats of ground truth: what they say, and what is made of what is wrong.
#include "quant/vision/ground_truth.h"

#include <gmock/gmock.h>

#include <fstream>

#include "temporary_folder.h"

namespace quant {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::TemporaryFolder;

const ClassNames kClasses({"cat", "dog", "bird"});

// A file or, with a name that ends in .xml, a folder of it.
Result<GroundTruth> read(const std::string& name, const std::string& text,
                         const ClassNames* classes = nullptr) {
  const TemporaryFolder folder;
  std::ofstream(folder / name) << text;
  return GroundTruth::read(name.ends_with(".xml") ? folder.path() : folder / name, classes);
}

std::string error_of(const Result<GroundTruth>& truth) {
  return truth ? "no error" : truth.error().text();
}

std::string problem_of(const Result<GroundTruth>& truth, const std::string& image) {
  if (!truth) return "error: " + truth.error().text();
  const ImageTruth* const found = truth->find(image);
  return found == nullptr ? "unknown" : found->problem;
}

TEST(GroundTruthCsv, Boxes) {
  const auto truth = read("t.csv",
                          "\xEF\xBB\xBF"
                          "file,x,y,w,h\r\n"
                          "a.jpg,1,2,3.5,4\r\n"
                          "folder/b.jpg,0,0,10,10\n\n"
                          "a.jpg,5,5,1,1\n"
                          "empty.jpg,,,,\n"
                          "\"with, comma \"\"x\"\".jpg\",1,1,1,1");
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_EQ(truth->kind(), GroundTruth::Kind::kBoxes);
  EXPECT_EQ(truth->size(), 4U);
  EXPECT_THAT(truth->find("a.jpg")->boxes,
              ElementsAre(TruthBox{{1, 2, 4.5, 6}, 0}, TruthBox{{5, 5, 6, 6}, 0}));
  EXPECT_EQ(truth->find("b.jpg")->boxes.size(), 1U);
  EXPECT_THAT(truth->find("empty.jpg")->boxes, IsEmpty());
  EXPECT_EQ(truth->find("empty.jpg")->problem, "");
  EXPECT_NE(truth->find("with, comma \"x\".jpg"), nullptr);
  EXPECT_EQ(truth->find("c.jpg"), nullptr);
  EXPECT_EQ(truth->find("a"), nullptr);
}

TEST(GroundTruthCsv, ClassesAreNamesOrNumbers) {
  const auto truth =
      read("t.csv", "label,file,x,y,w,h\ndog,a.jpg,0,0,1,1\n2,a.jpg,0,0,1,1\nfish,a.jpg,0,0,1,1\n",
           &kClasses);
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_THAT(truth->find("a.jpg")->boxes,
              ElementsAre(TruthBox{{0, 0, 1, 1}, 1}, TruthBox{{0, 0, 1, 1}, 2}));
  EXPECT_THAT(truth->unknown_classes(), ElementsAre(Pair("fish", 1)));
}

TEST(GroundTruthCsv, NamesNeedAList) {
  const auto truth = read("t.csv", "file,label\na.jpg,dog\n");
  ASSERT_FALSE(truth);
  EXPECT_EQ(truth.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(error_of(truth), HasSubstr("the class 'dog' is a name"));
  EXPECT_FALSE(read("t.csv", "file,x,y,w,h,class\na.jpg,1,1,1,1,-1\n"));
}

TEST(GroundTruthCsv, Labels) {
  const auto truth =
      read("t.csv", "file,class_index,class_name\na.jpg,7,tench\nb.jpg,0,x\nb.jpg,0,y\n");
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_EQ(truth->kind(), GroundTruth::Kind::kLabels);
  EXPECT_EQ(truth->find("a.jpg")->label, 7);
  EXPECT_EQ(truth->find("b.jpg")->problem, "");  // said twice is no contradiction
  const auto named = read("t.csv", "file,label\na.jpg,bird\n", &kClasses);
  ASSERT_TRUE(named) << error_of(named);
  EXPECT_EQ(named->find("a.jpg")->label, 2);
}

TEST(GroundTruthCsv, WhatIsWrongIsTheImagesProblem) {
  const auto boxes = read("t.csv",
                          "file,x,y,w,h\n"
                          "a.jpg,1,2,wide,4\n"
                          "b.jpg,1,2,3\n"
                          "b.jpg,1,2,3,4\n"
                          "c.jpg,1,2,0,4\n"
                          "c.jpg,1,2,3,4\n"
                          "x/d.jpg,1,2,3,4\n"
                          "y/d.jpg,1,2,3,4\n"
                          "e.jpg,1,2,nan,4\n");
  EXPECT_EQ(problem_of(boxes, "a.jpg"), "line 2: 'wide' is no number");
  EXPECT_EQ(problem_of(boxes, "b.jpg"), "line 3 has 4 fields, the first line 5");
  EXPECT_EQ(problem_of(boxes, "c.jpg"), "");
  EXPECT_THAT(boxes->find("c.jpg")->remarks, ElementsAre("a box of 0 x 4 pixels was left out"));
  EXPECT_EQ(boxes->find("c.jpg")->boxes.size(), 1U);
  EXPECT_EQ(problem_of(boxes, "d.jpg"), "x/d.jpg and y/d.jpg have the same name");
  EXPECT_EQ(problem_of(boxes, "e.jpg"), "line 9: 'nan' is no number");

  const auto labels =
      read("t.csv", "file,label\na.jpg,1\na.jpg,2\nb.jpg,\nc.jpg,fish\n", &kClasses);
  EXPECT_EQ(problem_of(labels, "a.jpg"), "has two labels, 1 and 2");
  EXPECT_EQ(problem_of(labels, "b.jpg"), "line 4: the label is empty");
  EXPECT_EQ(problem_of(labels, "c.jpg"), "no class is called 'fish'");
  const auto labelled = read("t.csv", "file,x,y,w,h,label\na.jpg,1,1,1,1,\n", &kClasses);
  EXPECT_EQ(problem_of(labelled, "a.jpg"), "line 2: the label is empty");
}

TEST(GroundTruthCsv, WhatSpoilsAllIsAnError) {
  EXPECT_THAT(error_of(read("t.csv", "")), HasSubstr("names no column 'file'"));
  EXPECT_THAT(error_of(read("t.csv", "a.jpg,3\n")), HasSubstr("names no column 'file'"));
  EXPECT_THAT(error_of(read("t.csv", "file,x,y,w\n")), HasSubstr("four columns x, y, w, h"));
  EXPECT_THAT(error_of(read("t.csv", "file,what\n")), HasSubstr("nor a column 'label'"));
  EXPECT_THAT(error_of(read("t.csv", "file,label\n,3\n")),
              HasSubstr("t.csv: line 2 names no file"));
  EXPECT_THAT(error_of(read("t.txt", "file,label\n")), HasSubstr("ground truth is a .csv file"));
  EXPECT_EQ(GroundTruth::read("/nowhere/t.csv", nullptr).error().code, ErrorCode::kNotFound);
}

TEST(GroundTruthVoc, CornersAreWholePixelsCountedFromOne) {
  const auto truth = read("2007_000001.xml", R"(<?xml version="1.0"?>
<!-- folder and size do not matter -->
<annotation><filename>other.jpg</filename>
 <object><name>dog</name><difficult>0</difficult>
  <bndbox><xmin>1</xmin><ymin> 1 </ymin><xmax>10</xmax><ymax>20.5</ymax></bndbox>
  <part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>3</ymax></bndbox></part>
 </object>
 <object><name>cat</name><difficult>1</difficult>
  <bndbox><ymax>8</ymax><xmin>5</xmin><ymin>7</ymin><xmax>6</xmax></bndbox></object>
 <object><name>fish</name>
  <bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></object>
</annotation>)",
                          &kClasses);
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_EQ(truth->kind(), GroundTruth::Kind::kBoxes);
  ASSERT_NE(truth->find("2007_000001.jpg"), nullptr);
  EXPECT_EQ(truth->find("2007_000001.png"), truth->find("2007_000001.jpg"));
  EXPECT_EQ(truth->find("other.jpg"), nullptr);
  EXPECT_THAT(truth->find("2007_000001.jpg")->boxes,
              ElementsAre(TruthBox{{0, 0, 10, 20.5}, 1}, TruthBox{{4, 6, 6, 8}, 0, true}));
  EXPECT_THAT(truth->unknown_classes(), ElementsAre(Pair("fish", 1)));
}

TEST(GroundTruthVoc, ADamagedFileIsTheProblemOfItsImage) {
  const TemporaryFolder folder;
  std::ofstream(folder / "a.xml") << "<annotation><object>";
  std::ofstream(folder / "b.xml") << "<html/>";
  std::ofstream(folder / "c.xml") << "<annotation><object><name>dog</name><bndbox><xmin>1</xmin>"
                                     "<ymin>one</ymin></bndbox></object></annotation>";
  std::ofstream(folder / "d.xml") << "<annotation/>";
  std::ofstream(folder / "e.xml") << "<annotation><object><bndbox/></object></annotation>";
  std::ofstream(folder / "f.xml");
  std::ofstream(folder / "notes.txt") << "no truth";
  const auto truth = GroundTruth::read(folder.path(), &kClasses);
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_EQ(truth->size(), 6U);
  EXPECT_THAT(problem_of(truth, "a.jpg"), HasSubstr("a.xml, byte "));
  EXPECT_THAT(problem_of(truth, "b.jpg"), HasSubstr("b.xml has no <annotation>"));
  EXPECT_EQ(problem_of(truth, "c.jpg"), "the ymin of a box of 'dog' is no number");
  EXPECT_EQ(problem_of(truth, "d.jpg"), "");
  EXPECT_EQ(problem_of(truth, "e.jpg"), "an object has no name");
  EXPECT_THAT(problem_of(truth, "f.jpg"), HasSubstr("f.xml"));
}

TEST(GroundTruthVoc, ErrorsNameTheFile) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of(GroundTruth::read(folder.path(), nullptr)), HasSubstr("no .xml file"));
  std::ofstream(folder / "a.xml")
      << "<annotation><object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax>"
         "<ymax>2</ymax></bndbox></object></annotation>";
  const auto truth = GroundTruth::read(folder.path(), nullptr);
  EXPECT_THAT(error_of(truth), HasSubstr("a.xml: the class 'dog' is a name"));
}

constexpr const char* kCoco = R"({
 "info": {"year": 2017},
 "images": [{"id": 10, "file_name": "val/a.jpg"}, {"id": 7, "file_name": "b.jpg"}],
 "categories": [{"id": 18, "name": "dog"}, {"id": 1, "name": "person"}],
 "annotations": [
  {"id": 900100012345, "image_id": 10, "category_id": 18, "bbox": [1, 2, 3, 4.5], "iscrowd": 0},
  {"image_id": 10, "category_id": 1, "bbox": [0, 0, 9, 9], "iscrowd": 1, "segmentation": {"counts": [1, 2]}},
  {"image_id": 10, "category_id": 1, "bbox": [0, 0, 1, 1], "ignore": 1}]})";

TEST(GroundTruthCoco, ClassesAreInTheOrderOfIds) {
  const auto truth = read("t.json", kCoco);
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_THAT(truth->find("a.jpg")->boxes,
              ElementsAre(TruthBox{{1, 2, 4, 6.5}, 1}, TruthBox{{0, 0, 9, 9}, 0, true, true},
                          TruthBox{{0, 0, 1, 1}, 0, true}));
  ASSERT_NE(truth->find("b.jpg"), nullptr);  // known to be empty
  EXPECT_THAT(truth->find("b.jpg")->boxes, IsEmpty());
  EXPECT_EQ(truth->classes().name(1), "dog");
}

TEST(GroundTruthCoco, AListOfClassesGoesFirst) {
  const auto truth = read("t.json", kCoco, &kClasses);
  ASSERT_TRUE(truth) << error_of(truth);
  EXPECT_THAT(truth->find("a.jpg")->boxes, ElementsAre(TruthBox{{1, 2, 4, 6.5}, 1}));
  EXPECT_THAT(truth->unknown_classes(), ElementsAre(Pair("person", 2)));
}

// kCoco with one text in the place of another.
Result<GroundTruth> damaged(const std::string& from, const std::string& to) {
  std::string text = kCoco;
  text.replace(text.find(from), from.size(), to);
  return read("t.json", text);
}

TEST(GroundTruthCoco, WrongBoxesAreTheProblemOfTheirImage) {
  EXPECT_THAT(problem_of(damaged("[1, 2, 3, 4.5]", "[1, 2, 3]"), "a.jpg"),
              HasSubstr("annotations[0].bbox: is not x, y, width, height"));
  EXPECT_THAT(problem_of(damaged("[1, 2, 3, 4.5]", "[1, 2, 3, \"nan\"]"), "a.jpg"),
              HasSubstr("annotations[0].bbox"));
  EXPECT_THAT(problem_of(damaged("\"bbox\": [0, 0, 9, 9],", ""), "a.jpg"),
              HasSubstr("annotations[1]: lacks 'bbox'"));
  EXPECT_THAT(problem_of(damaged("\"iscrowd\": 1", "\"iscrowd\": 2"), "a.jpg"),
              HasSubstr("annotations[1].iscrowd"));
  EXPECT_EQ(problem_of(damaged("\"b.jpg\"", "\"other/a.jpg\""), "a.jpg"),
            "other/a.jpg and val/a.jpg have the same name");
}

TEST(GroundTruthCoco, WhatSpoilsAllIsAnErrorThatNamesTheField) {
  EXPECT_THAT(error_of(read("t.json", "{\"images\"")), HasSubstr("t.json: is not valid JSON"));
  EXPECT_THAT(error_of(read("t.json", "[]")), HasSubstr("t.json: is not an object"));
  EXPECT_THAT(error_of(damaged("\"image_id\": 10", "\"image_id\": 11")),
              HasSubstr("t.json: annotations[0]: is on image 11"));
  EXPECT_THAT(error_of(damaged("\"category_id\": 18", "\"category_id\": 2")),
              HasSubstr("annotations[0]: has category 2"));
  EXPECT_THAT(error_of(damaged("\"id\": 7", "\"id\": 10")),
              HasSubstr("images[1]: has the id 10 of another one"));
  EXPECT_THAT(error_of(damaged("\"name\": \"dog\"", "\"name\": \"\"")),
              HasSubstr("categories[0]: has an empty name"));
  EXPECT_THAT(error_of(damaged("\"annotations\"", "\"notes\"")), HasSubstr("lacks 'annotations'"));
}

}  // namespace
}  // namespace quant
