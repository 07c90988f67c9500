// SPDX-License-Identifier: MIT
// Moments of what a layer with weights is multiplied with, and of what is wrong with it.
#pragma once

#include <Eigen/Core>
#include <optional>

#include "quant/base/result.h"
#include "quant/graph/operators/onednn.h"

namespace quant {

// One row for each place that was looked at.
using LayerSamples = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class LayerMoments {
 public:
  // Rows of the samples that are added at once, rows of zeros for those that are not there. Of
  // integers below 256 so many products sum exactly in float32.
  static constexpr Eigen::Index kRows = 256;

  // `depth`: columns of the samples. Errors of oneDNN.
  static Result<LayerMoments> create(Eigen::Index depth);

  // `count` of the rows are there. Mean and covariance are of what add() saw, and missing() means
  // something only where every add() had its add_missing(). Errors of oneDNN.
  Status add(const LayerSamples& samples, Eigen::Index count);
  // `reals`: what the float network has in the same places, in the same units.
  Status add_missing(const LayerSamples& samples, const LayerSamples& reals);

  Eigen::Index depth() const { return depth_; }
  Eigen::VectorXd mean() const;
  Eigen::MatrixXd covariance() const;
  // Of reals less samples (rows) with samples (columns).
  Eigen::MatrixXd missing() const;

 private:
  explicit LayerMoments(Eigen::Index depth, onednn::MatMul product);
  // aᵀ·b onto `sums`.
  Status add_products(const LayerSamples& a, const LayerSamples& b, Eigen::MatrixXd& sums);

  Eigen::Index depth_;
  onednn::MatMul product_;
  double count_ = 0;
  Eigen::VectorXd sum_;
  Eigen::MatrixXd products_;
  // Of reals less samples; the products are empty before the first.
  Eigen::VectorXd missing_sum_;
  Eigen::MatrixXd missing_products_;
};

}  // namespace quant
