// SPDX-License-Identifier: MIT
// What the rows of a matrix had better be when it is known what they are multiplied with.
#pragma once

#include <Eigen/Core>

namespace quant {

// `rows` (rows, depth) were made for vectors r and are multiplied with others x, which come close
// to them. `covariance` (depth, depth) is that of x, `missing` that of r − x with x. Returns the
// rows whose products with x vary as those of `rows` with r do, as closely as linear regression can
// tell: noise in directions in which x hardly ever varies is no longer let through.
Eigen::MatrixXd fit_rows(const Eigen::MatrixXd& rows, const Eigen::MatrixXd& covariance,
                         const Eigen::MatrixXd& missing);

// `targets` (rows, depth): real values in units of their step. `covariance` (depth, depth) of the
// vectors that the rows are multiplied with, symmetric, positive semidefinite. Returns integers
// within ±`most` so that the rows' error e has a small eᵀ·C·e: columns are rounded one by one,
// those of most variance first, and the error of each is spread over those that follow by the
// inverse Hessian (Frantar et al., arXiv:2210.17323; Hassibi & Stork 1993). Never worse by that
// measure than rounding to the nearest: rows that were are rounded so.
Eigen::MatrixXd round_rows(const Eigen::MatrixXd& targets, const Eigen::MatrixXd& covariance,
                           double most);

}  // namespace quant
