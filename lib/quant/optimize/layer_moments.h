// SPDX-License-Identifier: MIT
// Moments of what a layer with weights is multiplied with, and of what is wrong with it.
#pragma once

#include <Eigen/Core>

#include "quant/base/result.h"
#include "quant/graph/operators/onednn.h"

namespace quant {

// One row for each place that was looked at.
using LayerSamples = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class LayerMoments {
 public:
  // `depth`: columns of the samples. Errors of oneDNN.
  static Result<LayerMoments> create(Eigen::Index depth);

  // `reals`: what the float network has in the same places, in the same units; of no rows where
  // missing() is not wanted. Always of the one or always of the other. Errors of oneDNN.
  Status add(const LayerSamples& samples, const LayerSamples& reals);
  // Before the moments are read. Errors of oneDNN.
  Status finish();

  Eigen::Index depth() const { return depth_; }
  Eigen::VectorXd mean() const;
  Eigen::MatrixXd covariance() const;
  // Of reals less samples (rows) with samples (columns).
  Eigen::MatrixXd missing() const;

 private:
  // Rows that are multiplied at once. Of integers below 256 so many products sum exactly in
  // float32.
  static constexpr Eigen::Index kRows = 256;

  LayerMoments(Eigen::Index depth, onednn::MatMul product);
  // aᵀ·b onto `sums`.
  Status add_products(const LayerSamples& a, const LayerSamples& b, Eigen::MatrixXd& sums);

  Eigen::Index depth_;
  onednn::MatMul product_;
  // Rows that wait to be multiplied; those that are not there are 0. `differences_`, and what comes
  // of them, are empty until there are reals.
  LayerSamples samples_;
  LayerSamples differences_;
  Eigen::Index waiting_ = 0;
  double count_ = 0;
  Eigen::VectorXd sum_;
  Eigen::MatrixXd products_;
  Eigen::VectorXd missing_sum_;
  Eigen::MatrixXd missing_products_;
};

}  // namespace quant
