//! Numbers of the language: binary floating point with a mantissa of 512 bits.
/// A number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(i64);
impl From<u64> for Number {
    fn from(n: u64) -> Self {
        Number(n as i64)
    }
}
impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}
