//! End-to-end tests with real programs; the tests themselves are under `tests/`.
