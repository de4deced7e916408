//! Values by name: what maps and objects are made of.

use std::fmt;
use std::slice;
use std::sync::Arc;

use super::Value;

/// The elements of a map or the attributes of an object, in the order of their names, which are distinct.
///
/// A sorted sequence instead of a tree: most objects have a handful of attributes, are put together in order, once,
/// and are only read from then on. Adding a name at the end costs nothing, adding one before others moves those; who
/// gathers many names in no order had better collect them, which sorts once.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Entries(Vec<(Arc<str>, Value)>);

/// So many names are looked through one after the other.
const FEW: usize = 16;

impl Entries {
    /// None.
    pub const fn new() -> Entries {
        Entries(Vec::new())
    }

    /// None yet, with room for so many.
    pub fn with_capacity(capacity: usize) -> Entries {
        Entries(Vec::with_capacity(capacity))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.find(name).map(|i| &self.0[i].1)
    }

    /// The value of a name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.find(name).map(|i| &mut self.0[i].1)
    }

    /// Whether the name is there.
    pub fn contains_key(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Gives a name a value, and returns the one that it had.
    pub fn insert(&mut self, name: Arc<str>, value: Value) -> Option<Value> {
        match self.place(&name) {
            Ok(i) => Some(std::mem::replace(&mut self.0[i].1, value)),
            Err(i) => {
                self.0.insert(i, (name, value));
                None
            }
        }
    }

    /// Takes a name out, and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.place(name).ok().map(|i| self.0.remove(i).1)
    }

    /// Takes out what does not meet a condition.
    pub fn retain(&mut self, mut keep: impl FnMut(&Arc<str>, &mut Value) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// All of them in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.0.iter())
    }

    /// The names in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &Arc<str>> + DoubleEndedIterator + Clone {
        self.0.iter().map(|(name, _)| name)
    }

    /// The values in the order of their names.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Value> + DoubleEndedIterator + Clone {
        self.0.iter().map(|(_, value)| value)
    }

    /// The values, to be changed, in the order of their names.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Value> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    /// The values, taken, in the order of their names.
    pub fn into_values(self) -> impl ExactSizeIterator<Item = Value> {
        self.0.into_iter().map(|(_, value)| value)
    }

    /// Where the name is. Among few, names of another length are told apart without looking at them.
    fn find(&self, name: &str) -> Option<usize> {
        if self.0.len() <= FEW {
            return self.0.iter().position(|(other, _)| **other == *name);
        }
        self.place(name).ok()
    }

    /// Where the name is, or where it would have to be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        match self.0.last() {
            None => Err(0),
            Some((last, _)) if **last < *name => Err(self.0.len()),
            Some(_) => self.0.binary_search_by(|(other, _)| (**other).cmp(name)),
        }
    }
}

/// As a map of names and values.
impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

/// Of values of the same name the last counts.
impl<K: Into<Arc<str>>> FromIterator<(K, Value)> for Entries {
    fn from_iter<I: IntoIterator<Item = (K, Value)>>(entries: I) -> Entries {
        let mut entries: Vec<(Arc<str>, Value)> =
            entries.into_iter().map(|(name, value)| (name.into(), value)).collect();
        if !entries.is_sorted_by(|(a, _), (b, _)| a < b) {
            // The last of a name comes first, and stays.
            entries.reverse();
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
            entries.dedup_by(|(later, _), (first, _)| later == first);
        }
        Entries(entries)
    }
}

impl Extend<(Arc<str>, Value)> for Entries {
    fn extend<I: IntoIterator<Item = (Arc<str>, Value)>>(&mut self, entries: I) {
        for (name, value) in entries {
            self.insert(name, value);
        }
    }
}

impl IntoIterator for Entries {
    type Item = (Arc<str>, Value);
    type IntoIter = std::vec::IntoIter<(Arc<str>, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = (&'a Arc<str>, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Entries {
    type Item = (&'a Arc<str>, &'a mut Value);
    type IntoIter = std::iter::Map<
        slice::IterMut<'a, (Arc<str>, Value)>,
        fn(&'a mut (Arc<str>, Value)) -> (&'a Arc<str>, &'a mut Value),
    >;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }
}

/// [`Entries`] in order.
#[derive(Debug, Clone)]
pub struct Iter<'a>(slice::Iter<'a, (Arc<str>, Value)>);

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Arc<str>, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(name, value)| (name, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A change of entries, and of the tree that they must always agree with.
    #[derive(Debug, Clone)]
    enum Step {
        Insert(String, u8),
        Remove(String),
        Keep(u8),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            8 => ("[a-e]{0,2}", any::<u8>()).prop_map(|(name, value)| Step::Insert(name, value)),
            1 => "[a-e]{0,2}".prop_map(Step::Remove),
            1 => (0..32_u8).prop_map(Step::Keep),
        ]
    }

    fn number(value: u8) -> Value {
        Value::number(u64::from(value))
    }

    fn at_least(value: &Value, least: u8) -> bool {
        value.as_number().is_some_and(|n| *n >= u64::from(least).into())
    }

    proptest! {
        #[test]
        fn entries_are_what_a_tree_would_be(steps in prop::collection::vec(step(), 0..80)) {
            let (mut entries, mut tree) = (Entries::new(), BTreeMap::<Arc<str>, Value>::new());
            for step in steps {
                match step {
                    Step::Insert(name, value) => prop_assert_eq!(
                        entries.insert(name.as_str().into(), number(value)),
                        tree.insert(name.as_str().into(), number(value))
                    ),
                    Step::Remove(name) => prop_assert_eq!(entries.remove(&name), tree.remove(&*name)),
                    Step::Keep(least) => {
                        entries.retain(|_, value| at_least(value, least));
                        tree.retain(|_, value| at_least(value, least));
                    }
                }
                prop_assert!(entries.iter().eq(&tree));
                prop_assert!(entries.iter().rev().eq(tree.iter().rev()));
                prop_assert!(tree.keys().all(|name| entries.get(name) == tree.get(name)));
            }
        }

        #[test]
        fn collecting_keeps_the_last_value_of_a_name(
            pairs in prop::collection::vec(("[a-d]{0,2}", any::<u8>()), 0..20)
        ) {
            let pairs = || pairs.iter().map(|(name, value)| (Arc::<str>::from(name.as_str()), number(*value)));
            prop_assert!(pairs().collect::<Entries>().iter().eq(&pairs().collect::<BTreeMap<_, _>>()));
        }
    }
}
