//! What is said of an apply that a rate limit will hold up.

use std::time::Duration;

use ferroform_provider::Holdup;

/// A paragraph for one provider.
pub(crate) fn render_holdup(provider: &str, holdup: &Holdup) -> String {
    let Holdup { requests, granted, per_hour, wait } = *holdup;
    format!(
        "\nNote: Applying this takes about {requests} requests of {provider}. {granted} are granted at once, and {per_hour} \
         more in an hour, so it will wait for them for about {}.\n",
        roughly(wait)
    )
}

/// A duration in the two largest units that say something.
fn roughly(wait: Duration) -> String {
    let seconds = wait.as_secs_f64().ceil() as u64;
    let (minutes, hours) = (seconds.div_ceil(60), seconds / 3600);
    match seconds {
        0..=90 => format!("{seconds} s"),
        91..=5400 => format!("{minutes} min"),
        _ => format!("{hours} h {} min", minutes - 60 * hours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_as_people_do() {
        let cases = [
            (12.2, "13 s"),
            (90.0, "90 s"),
            (91.0, "2 min"),
            (2460.0, "41 min"),
            (5400.0, "90 min"),
            (9000.0, "2 h 30 min"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(roughly(Duration::from_secs_f64(seconds)), expected, "{seconds}");
        }
    }
}
