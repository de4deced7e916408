//! What haproxy tells of its targets' health, in its CSV format (management guide, "show stat").

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Whether targets are healthy, by the port of the service and by address; those that have been checked.
pub(super) type Health = BTreeMap<(u16, IpAddr), bool>;

/// Reads it. Columns are found by their names, which are in the first line.
pub(super) fn parse(csv: &str) -> Health {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let column = |name: &str| names.iter().position(|other| *other == name);
    let columns = (column("pxname"), column("svname"), column("status"), column("check_status"));
    let (Some(service), Some(target), Some(status), Some(check)) = columns else { return Health::new() };
    lines
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let port = fields.get(service)?.strip_prefix('s')?.parse().ok()?;
            let address = fields.get(target)?.parse().ok()?;
            // A check that is under way is marked with a star and shows the result of the last one.
            let check = fields.get(check)?.trim_start_matches("* ");
            let checked = !matches!(check, "" | "UNK" | "INI");
            checked
                .then(|| ((port, address), fields.get(status).is_some_and(|status| status.starts_with("UP"))))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_read_by_the_names_of_columns() {
        let csv = "# pxname,svname,qcur,status,check_status,last_chk,\n\
                   s80,10.0.0.2,0,UP,L4OK,,\n\
                   s80,10.0.0.3,0,DOWN 1/2,* L4TOUT,,\n\
                   s80,10.0.0.4,0,UP,INI,,\n\
                   s443,2001:db8::1,0,UP 1/3,L7STS,,\n\
                   f80,FRONTEND,0,OPEN,,,\n\
                   \n";
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let expected = [
            ((80, address("10.0.0.2")), true),
            ((80, address("10.0.0.3")), false),
            ((443, address("2001:db8::1")), true),
        ];
        assert_eq!(parse(csv), Health::from(expected));
        assert!(parse("").is_empty());
        assert!(parse("Unknown command\n").is_empty());
    }
}
