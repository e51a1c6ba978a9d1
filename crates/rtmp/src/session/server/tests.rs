//! Tests of the server session.
