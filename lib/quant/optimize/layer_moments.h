// SPDX-License-Identifier: MIT
// Moments of what a layer with weights is multiplied with, and of what is wrong with it.
#pragma once

#include <Eigen/Core>

namespace quant {

// One row for each place that was looked at.
using LayerSamples = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

class LayerMoments {
 public:
  // Samples that are added at once; of integers below 256 as many as float32 sums exactly.
  static constexpr int kMostSamples = 256;

  // `depth`: columns of the samples.
  explicit LayerMoments(Eigen::Index depth);

  // At most kMostSamples. Covariances and the mean are of what add() saw, so that missing() means
  // something only where every add() had its add_missing().
  void add(const LayerSamples& samples);
  // `reals`: what the float network has in the same places, in the same units.
  void add_missing(const LayerSamples& samples, const LayerSamples& reals);

  Eigen::VectorXd mean() const;
  Eigen::MatrixXd covariance() const;
  // Of reals less samples (rows) with samples (columns).
  Eigen::MatrixXd missing() const;

 private:
  Eigen::Index depth_;
  double count_ = 0;
  Eigen::VectorXd sum_;
  Eigen::MatrixXd products_;  // lower half
  // Of reals less samples; the products are empty before the first.
  Eigen::VectorXd missing_sum_;
  Eigen::MatrixXd missing_products_;
};

}  // namespace quant
