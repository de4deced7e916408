//! What plans cost, with every expected amount calculated from the prices of a small catalogue.

mod estimates;
mod fixture;
mod spent;
