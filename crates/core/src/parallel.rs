//! Work that is the same for many things, done on all processors.

use std::num::NonZero;
use std::thread;

/// Below so many things another thread costs more than it saves.
const WORTH_IT: usize = 512;

/// What `f` makes of each thing, in order. A panic in `f` goes on in the caller.
pub fn map<T: Sync, R: Send>(things: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(things.len() / WORTH_IT + 1);
    if threads == 1 {
        return things.iter().map(f).collect();
    }
    let all = |part: &[T]| part.iter().map(&f).collect::<Vec<R>>();
    let (mine, others) = things.split_at(things.len().div_ceil(threads));
    thread::scope(|scope| {
        let all = &all;
        let parts = others.chunks(mine.len());
        let running: Vec<_> = parts.map(|part| scope.spawn(move || all(part))).collect();
        let mut made = all(mine);
        for part in running {
            match part.join() {
                Ok(part) => made.extend(part),
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
    }

    #[test]
    #[should_panic(expected = "thing 1500")]
    fn a_panic_is_not_lost() {
        map(&(0..4 * WORTH_IT).collect::<Vec<usize>>(), |n| assert!(*n != 1500, "thing {n}"));
    }
}
