//! Tables over real records.
