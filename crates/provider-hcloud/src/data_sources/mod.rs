//! The data sources, a file each.
