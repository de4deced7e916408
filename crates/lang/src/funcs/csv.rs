//! Comma-separated values as RFC 4180 and Terraform have them.

/// The records of a text, each with as many fields as the first.
///
/// # Errors
/// When quotes are misplaced or the number of fields varies; the message names the line.
pub(super) fn records(text: &str) -> Result<Vec<Vec<String>>, String> {
    let text = text.replace("\r\n", "\n");
    let text = text.strip_suffix('\r').unwrap_or(&text);
    let mut records: Vec<Vec<String>> = Vec::new();
    let mut rest = text;
    let mut line = 1;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('\n') {
            rest = after;
            line += 1;
            continue;
        }
        let start = line;
        let record = record(&mut rest, &mut line)?;
        if let Some(first) = records.first()
            && first.len() != record.len()
        {
            return Err(format!("record on line {start}: wrong number of fields"));
        }
        records.push(record);
    }
    Ok(records)
}

fn record(rest: &mut &str, line: &mut usize) -> Result<Vec<String>, String> {
    let mut fields = Vec::new();
    loop {
        let field = match rest.strip_prefix('"') {
            Some(after) => {
                *rest = after;
                quoted(rest, line)?
            }
            None => {
                let end = rest.find([',', '\n']).unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                if field.contains('"') {
                    return Err(format!("parse error on line {line}: bare \" in non-quoted field"));
                }
                *rest = after;
                field.to_owned()
            }
        };
        fields.push(field);
        if let Some(after) = rest.strip_prefix(',') {
            *rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('\n') {
            *rest = after;
            *line += 1;
        }
        return Ok(fields);
    }
}

/// A field behind its opening quote, up to its closing one.
fn quoted(rest: &mut &str, line: &mut usize) -> Result<String, String> {
    let start = *line;
    let mut field = String::new();
    loop {
        let Some(end) = rest.find('"') else {
            return Err(format!("parse error on line {start}: missing closing \" in quoted field"));
        };
        field.push_str(&rest[..end]);
        *line += rest[..end].matches('\n').count();
        *rest = &rest[end + 1..];
        match rest.as_bytes().first() {
            Some(b'"') => {
                field.push('"');
                *rest = &rest[1..];
            }
            None | Some(b',' | b'\n') => return Ok(field),
            Some(_) => {
                return Err(format!("parse error on line {line}: extraneous or missing \" in quoted field"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::records;

    #[test]
    fn quotes_hold_commas_newlines_and_quotes() {
        let rows = records("a,b\r\n\"x,y\",\"q\"\"q\"\n\n\"two\r\nlines\",\n").unwrap();
        assert_eq!(rows, [["a", "b"], ["x,y", "q\"q"], ["two\nlines", ""]]);
    }

    #[test]
    fn misplaced_quotes_and_uneven_records_are_refused() {
        for text in ["a\"b", "\"a\"b", "\"a", "a,b\nc"] {
            assert!(records(text).is_err(), "{text}");
        }
    }
}
