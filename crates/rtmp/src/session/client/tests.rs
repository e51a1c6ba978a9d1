//! Tests of the client session.
