//! Checks that need no values from outside.
