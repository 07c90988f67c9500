// SPDX-License-Identifier: MIT
// What the rows of a matrix had better be when it is known what they are multiplied with.
#pragma once

#include <Eigen/Core>
#include <vector>

namespace quant {

// Symmetric, positive semidefinite: of the vectors x that rows are multiplied with (depth, depth).
using Covariance = Eigen::MatrixXd;

// `rows` (rows, depth) were made for vectors r, to which x comes close. `missing` (depth, depth) is
// the covariance of r − x with x. Returns the rows whose products with x vary as those of `rows`
// with r do, as closely as linear regression can tell: noise in directions in which x hardly ever
// varies is no longer let through.
Eigen::MatrixXd fit_rows(const Eigen::MatrixXd& rows, const Covariance& covariance,
                         const Eigen::MatrixXd& missing);

class RowRounding {
 public:
  explicit RowRounding(Covariance covariance);

  // `targets` (rows, depth): real values in units of their scale. Returns integers within ±`most`,
  // or where `steps` (rows, depth) has elements, multiples of these that far, so that the rows'
  // error e has a small eᵀ·C·e: columns are rounded one by one, those of most variance first, each
  // making up for the errors of those before (Frantar et al., GPTQ, arXiv:2210.17323, in the form
  // of Chee et al., arXiv:2307.13304, which inverts nothing). Never worse by that measure than
  // rounding to the nearest: rows that were are rounded so.
  Eigen::MatrixXd round(const Eigen::MatrixXd& targets, double most,
                        const Eigen::MatrixXd& steps = {}) const;

 private:
  Covariance covariance_;
  std::vector<Eigen::Index> order_;  // of the columns
  Eigen::MatrixXd feedback_;         // in that order
};

}  // namespace quant
