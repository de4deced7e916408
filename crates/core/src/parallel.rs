//! Work that is the same for many things, done on all processors.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;

/// Below so many things another thread costs more than it saves.
const WORTH_IT: usize = 512;

/// How many processors this process may use. The system takes a while to tell, so it is asked once.
pub fn processors() -> usize {
    static PROCESSORS: LazyLock<usize> =
        LazyLock::new(|| thread::available_parallelism().map_or(1, NonZero::get));
    *PROCESSORS
}

/// What `f` makes of each thing, in order; for thousands of things that each take about a microsecond or more. A panic
/// in `f` goes on in the caller.
pub fn map<T: Sync, R: Send>(things: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let worth = things.len() / WORTH_IT + 1;
    let threads = if worth == 1 { 1 } else { processors().min(worth) };
    if threads == 1 {
        return things.iter().map(f).collect();
    }
    let parts = things.chunks(things.len().div_ceil(threads));
    let mut parts = each(parts, |part| part.iter().map(&f).collect::<Vec<R>>()).into_iter();
    let mut made = parts.next().unwrap_or_default();
    parts.for_each(|part| made.extend(part));
    made
}

/// What `f` makes of each of a few large parts, in order: all at once, the first on this thread and each of the others
/// on one of its own. A panic in `f` goes on in the caller.
pub fn each<T: Send, R: Send>(parts: impl IntoIterator<Item = T>, f: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut parts = parts.into_iter();
    let Some(first) = parts.next() else { return Vec::new() };
    thread::scope(|scope| {
        let f = &f;
        let running: Vec<_> = parts.map(|part| scope.spawn(move || f(part))).collect();
        let mut made = Vec::with_capacity(running.len() + 1);
        made.push(f(first));
        for part in running {
            match part.join() {
                Ok(part) => made.push(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        made
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_made_once_and_in_order() {
        for count in [0, 1, WORTH_IT, 2 * WORTH_IT, 5 * WORTH_IT + 3] {
            let things: Vec<usize> = (0..count).collect();
            assert_eq!(map(&things, |n| n * 2), things.iter().map(|n| n * 2).collect::<Vec<_>>());
        }
        for count in 0..4 {
            assert_eq!(each(0..count, |n| n * 2), (0..count).map(|n| n * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    #[should_panic(expected = "thing 1500")]
    fn a_panic_is_not_lost() {
        map(&(0..4 * WORTH_IT).collect::<Vec<usize>>(), |n| assert!(*n != 1500, "thing {n}"));
    }
}
