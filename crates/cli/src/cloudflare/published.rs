//! Fetching the published lists, and seeing that they are what they should be: a firewall is made of them.

use std::time::Duration;

use ferroform_core::Diagnostic;
use ipnet::IpNet;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};

use super::Ranges;
use crate::views::text::visible;
use crate::web::{causes, is_loopback};

/// How long one list may take, from the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The most that a list may hold, in bytes; the published ones have some three hundred.
const MOST_BYTES: usize = 64 << 10;
/// How many redirects are followed; the real lists are behind one.
const MOST_REDIRECTS: usize = 3;

/// What a list of a family must be like. In 2023 there were 15 ranges of IPv4 from /12 to /22 and 7 of IPv6 from /29 to
/// /32; a list far from that is no list of Cloudflare, whoever sent it.
struct Plausible {
    /// The path of the list.
    path: &'static str,
    /// The name of the family.
    family: &'static str,
    /// The fewest and the most ranges.
    count: (usize, usize),
    /// The widest range, by the length of its prefix.
    shortest_prefix: u8,
}

const IPV4: Plausible = Plausible { path: "ips-v4", family: "IPv4", count: (5, 100), shortest_prefix: 10 };
const IPV6: Plausible = Plausible { path: "ips-v6", family: "IPv6", count: (3, 100), shortest_prefix: 24 };

/// The ranges that are published below a URL.
pub(crate) async fn fetch(from: &str, loopback_only: bool) -> Result<Ranges, Diagnostic> {
    let base = Url::parse(from.trim_end_matches('/'))
        .map_err(|error| invalid(format!("{from:?} is no URL: {error}.")))?;
    if !is_loopback(&base) && (loopback_only || base.scheme() != "https") {
        let why = if loopback_only {
            "only addresses of this computer are allowed here"
        } else {
            "a list that a firewall is made of is fetched by https only"
        };
        return Err(invalid(format!("{base} is not used: {why}.")));
    }
    let client = Client::builder()
        .user_agent(concat!("ferroform/", env!("CARGO_PKG_VERSION")))
        .timeout(TIMEOUT)
        .redirect(Policy::custom(follow))
        .build()
        .map_err(|error| unavailable(&base, &error.to_string()))?;
    Ok(Ranges { ipv4: list(&client, &base, &IPV4).await?, ipv6: list(&client, &base, &IPV6).await? })
}

/// Follows a few redirects, and none that leaves the host or its scheme.
fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let stays = attempt.previous().first().is_some_and(|first| {
        let to = attempt.url();
        (first.scheme(), first.host_str(), first.port()) == (to.scheme(), to.host_str(), to.port())
    });
    if !stays {
        attempt.error("it redirects to another host")
    } else if attempt.previous().len() > MOST_REDIRECTS {
        attempt.error("it redirects again and again")
    } else {
        attempt.follow()
    }
}

async fn list(client: &Client, base: &Url, plausible: &Plausible) -> Result<Vec<IpNet>, Diagnostic> {
    let url = format!("{}/{}", base.as_str().trim_end_matches('/'), plausible.path);
    let url = Url::parse(&url).map_err(|error| invalid(format!("{url:?} is no URL: {error}.")))?;
    let mut answer =
        client.get(url.clone()).send().await.map_err(|error| unavailable(&url, &causes(&error)))?;
    if answer.status() != 200 {
        return Err(unavailable(&url, &format!("the answer is {}", answer.status())));
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| unavailable(&url, &causes(&error)))? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > MOST_BYTES {
            return Err(refused(&url, format!("it has more than {MOST_BYTES} bytes")));
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| refused(&url, "it is no text".to_owned()))?;
    plausible.read(&text).map_err(|why| refused(&url, why))
}

impl Plausible {
    /// The ranges in a list, one a line.
    fn read(&self, text: &str) -> Result<Vec<IpNet>, String> {
        let mut ranges: Vec<IpNet> = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let shown: String = visible(line).chars().take(60).collect();
            let net: IpNet = line.parse().map_err(|_| format!("{shown:?} is no address range"))?;
            let wrong = if net.addr().is_ipv4() != (self.family == "IPv4") {
                Some(format!("is not of {}", self.family))
            } else if net.trunc() != net {
                Some(format!("has an address inside the range, which is {}", net.trunc()))
            } else if net.prefix_len() < self.shortest_prefix {
                Some("is too large a part of the internet to be let in".to_owned())
            } else if !is_public(&net) {
                Some("is no range of the public internet".to_owned())
            } else if ranges.iter().any(|known| known.contains(&net) || net.contains(known)) {
                Some("is in the list twice".to_owned())
            } else {
                None
            };
            if let Some(wrong) = wrong {
                return Err(format!("{shown} {wrong}"));
            }
            ranges.push(net);
        }
        let (least, most) = self.count;
        if !(least..=most).contains(&ranges.len()) {
            return Err(format!("it has {} ranges, where {least} to {most} are plausible", ranges.len()));
        }
        Ok(ranges)
    }
}

/// Whether a range lies outside of what is private, local or otherwise no address of anybody (RFC 6890, RFC 4291).
fn is_public(net: &IpNet) -> bool {
    const SPECIAL: [&str; 15] = [
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "::/16",
        "fc00::/7",
        "fe80::/10",
        "ff00::/8",
        "fec0::/10",
    ];
    let special = SPECIAL.iter().filter_map(|text| text.parse::<IpNet>().ok());
    !special.into_iter().any(|special| special.contains(net) || net.contains(&special))
}

fn invalid(detail: String) -> Diagnostic {
    Diagnostic::error("Invalid URL").detail(detail)
}

fn unavailable(url: &Url, why: &str) -> Diagnostic {
    Diagnostic::error("Published ranges not available")
        .detail(format!("{url} cannot be read: {why}. The file is as it was."))
        .hint("Try again later, or fetch the lists where there is a network.")
}

fn refused(url: &Url, why: String) -> Diagnostic {
    Diagnostic::error("Published ranges not plausible").detail(format!(
        "What {url} gives is not taken for a list of Cloudflare's ranges: {why}. The file is as it was."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "173.245.48.0/20\n103.21.244.0/22\n103.22.200.0/22\n104.16.0.0/13\n172.64.0.0/13\n";

    #[test]
    fn a_list_is_read_line_by_line() {
        for text in [GOOD.to_owned(), GOOD.trim_end().to_owned(), GOOD.replace('\n', "\r\n\n")] {
            let ranges = IPV4.read(&text).unwrap();
            assert_eq!(ranges.len(), 5);
            assert_eq!(ranges[3].to_string(), "104.16.0.0/13");
        }
        assert_eq!(IPV6.read("2400:cb00::/32\n2606:4700::/32\n2a06:98c0::/29").unwrap().len(), 3);
    }

    #[test]
    fn what_is_no_list_of_ranges_is_refused() {
        for (text, why) in [
            (String::new(), "it has 0 ranges"),
            ("173.245.48.0/20\n".to_owned(), "it has 1 ranges"),
            ("<!doctype html>\n<html>".to_owned(), "\"<!doctype html>\" is no address range"),
            (format!("{GOOD}173.245.48.0\n"), "is no address range"),
            (format!("{GOOD}2400:cb00::/32\n"), "is not of IPv4"),
            (format!("{GOOD}162.158.0.1/15\n"), "which is 162.158.0.0/15"),
            (format!("{GOOD}0.0.0.0/0\n"), "too large"),
            (format!("{GOOD}64.0.0.0/9\n"), "too large"),
            (format!("{GOOD}192.168.7.0/24\n"), "no range of the public internet"),
            (format!("{GOOD}172.64.0.0/13\n"), "twice"),
            (format!("{GOOD}172.65.0.0/16\n"), "twice"),
            ((0..101).map(|n| format!("104.{n}.0.0/16\n")).collect(), "it has 101 ranges"),
        ] {
            let error = IPV4.read(&text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(IPV6.read("fc00:1::/32\n2606:4700::/32\n2a06:98c0::/29").is_err());
    }

    #[test]
    fn only_https_leaves_this_computer() {
        for (url, loopback) in [
            ("http://127.0.0.1:1/x", true),
            ("http://[::1]/", true),
            ("http://localhost/", true),
            ("http://localhost.example.org/", false),
            ("http://192.0.2.1/", false),
            ("https://www.cloudflare.com", false),
        ] {
            assert_eq!(is_loopback(&Url::parse(url).unwrap()), loopback, "{url}");
        }
    }
}
