use ferroform_core::{AttrPath, Diagnostic, Diagnostics, Sources, Span};

use super::json::to_json;
use super::*;

const MAIN: &str = "\
variable \"size\" {
  default = \"cx22\"
}

resource \"terraform_data\" \"y\" {
  input = tonumber(
    var.size,
  )
  bogus = 1
}
";

fn sources(text: &str) -> (Sources, ferroform_core::SourceId) {
    let mut sources = Sources::new();
    let id = sources.add("main.tf", text);
    (sources, id)
}

/// The place of `part` in the text.
fn span(id: ferroform_core::SourceId, text: &str, part: &str) -> Span {
    let start = text.find(part).unwrap() as u32;
    Span::new(id, start, start + part.len() as u32)
}

fn check(diagnostic: Diagnostic, text: &str, style: &Style, expected: &str) {
    let (sources, _) = sources(text);
    assert_eq!(render(&diagnostic, &sources, style), expected);
}

#[test]
fn a_diagnostic_shows_its_source_with_carets() {
    let (_, id) = sources(MAIN);
    // Terraform's text with -no-color, and the carets.
    check(
        Diagnostic::error("Unsupported argument")
            .detail("An argument named \"bogus\" is not expected here.")
            .subject(span(id, MAIN, "bogus")),
        MAIN,
        &Style::plain(),
        "
Error: Unsupported argument

  on main.tf line 9, in resource \"terraform_data\" \"y\":
   9:   bogus = 1
        ^^^^^

An argument named \"bogus\" is not expected here.
",
    );
}

#[test]
fn context_values_address_and_hints_are_shown() {
    let (_, id) = sources(MAIN);
    let mut diagnostic = Diagnostic::error("Invalid function argument")
        .detail("Invalid value for \"v\" parameter: cannot parse \"cx22\" as a number.")
        .subject(span(id, MAIN, "var.size"))
        .context(span(id, MAIN, "tonumber(\n    var.size,\n  )"))
        .address("terraform_data.y")
        .hint("Give a number.");
    diagnostic.values = vec![("var.size".into(), "is \"cx22\"".into())];
    check(
        diagnostic,
        MAIN,
        &Style { color: false, width: 40 },
        "
Error: Invalid function argument

  with terraform_data.y,
  on main.tf line 7, in resource \"terraform_data\" \"y\":
   6:   input = tonumber(
   7:     var.size,
          ^^^^^^^^
   8:   )
    ├────────────────
    │ var.size is \"cx22\"

Invalid value for \"v\" parameter: cannot
parse \"cx22\" as a number.

Hint: Give a number.
",
    );
}

#[test]
fn with_colours_a_rule_stands_at_the_left() {
    let text = render(
        &Diagnostic::warning("Careful").detail("One two three four."),
        &Sources::new(),
        &Style { color: true, width: 14 },
    );
    let yellow = "\u{1b}[33m";
    let reset = "\u{1b}[0m";
    let bar = format!("{yellow}│{reset}");
    assert_eq!(
        text,
        format!(
            "{yellow}╷{reset}\n{bar} \u{1b}[1m\u{1b}[33mWarning: {reset}\u{1b}[1mCareful{reset}\n{bar}\n{bar} One two\n\
             {bar} three four.\n{yellow}╵{reset}\n"
        )
    );
}

#[test]
fn places_outside_of_blocks_and_at_the_end_have_no_block() {
    for (text, part, expected) in [
        ("a {\n}\nb = 1\n", "b", None),
        ("variable \"x\" { type = y }\n", "y", Some("variable \"x\"")),
        ("resource a b {\n  c {\n    d = 1\n  }\n}\n", "d", Some("resource \"a\" \"b\"")),
        ("# comment {\nx = 1\n", "x", None),
        ("}\n", "}", None),
    ] {
        let (sources, id) = sources(text);
        let snippet = Snippet::of(span(id, text, part), None, &sources).unwrap();
        assert_eq!(snippet.block().as_deref(), expected, "{text}");
    }
}

#[test]
fn strange_spans_and_texts_are_shown_as_well_as_can_be() {
    let long = format!("x = \"{}\"\n", "ä".repeat(5000));
    let many = "a\n".repeat(100);
    for (text, start, end) in [
        ("", 0, 0),
        ("abc", 3, 3),
        ("abc", 90, 100),
        ("abc", 2, 1),
        ("a\n", 0, 2),
        ("\ta = \u{1b}[31m\u{202e}x", 5, 8),
        (&long, 200, 202),
        (&many, 0, 199),
        (&many, 150, 151),
    ] {
        let (sources, id) = sources(text);
        for color in [false, true] {
            let diagnostic = Diagnostic::error("E").subject(Span::new(id, start, end)).context(Span::new(
                id,
                0,
                text.len() as u32,
            ));
            let shown = render(&diagnostic, &sources, &Style { color, width: 40 });
            assert!(!shown.contains("\u{1b}[31m\u{202e}"), "{shown:?}");
            assert!(shown.lines().count() < 24, "{shown}");
            assert!(shown.len() < 4000, "{shown}");
            to_json(&diagnostic, &sources);
        }
    }
    let elsewhere = Diagnostic::error("E").subject(Span::new(ferroform_core::SourceId(7), 0, 1));
    assert!(render(&elsewhere, &Sources::new(), &Style::plain()).contains("(source code not available)"));
}

#[test]
fn tabs_keep_the_carets_in_place() {
    let text = "a {\n\tb = 1\n}\n";
    let (sources, id) = sources(text);
    let shown = render(&Diagnostic::error("E").subject(span(id, text, "b")), &sources, &Style::plain());
    assert!(shown.contains("   2: \tb = 1\n      \t^\n"), "{shown}");
}

#[test]
fn text_of_values_from_the_command_line_is_not_shown() {
    let mut sources = Sources::new();
    let id = sources.add("<value for var.token>", "hunter2 +");
    let shown = render(&Diagnostic::error("E").subject(Span::new(id, 8, 9)), &sources, &Style::plain());
    assert!(!shown.contains("hunter2"), "{shown}");
    let json = to_json(&Diagnostic::error("E").subject(Span::new(id, 8, 9)), &sources);
    assert!(!json.to_string().contains("hunter2"), "{json}");
}

#[test]
fn warnings_with_one_summary_are_shown_once() {
    let diagnostics: Diagnostics = ["a", "b", "c"]
        .map(|detail| Diagnostic::warning("Deprecated").detail(detail))
        .into_iter()
        .chain([Diagnostic::error("Bad").detail("1."), Diagnostic::error("Bad").detail("2.")])
        .collect();
    assert_eq!(
        render_all(&diagnostics, &Sources::new(), &Style::plain()),
        "
Warning: Deprecated

a

(and 2 more similar warnings elsewhere)

Error: Bad

1.

Error: Bad

2.
"
    );
    let compact = render_compact(&diagnostics, &Sources::new(), &Style::plain());
    assert!(compact.starts_with("\nWarnings:\n\n- Deprecated (and 2 more)\n\nTo see"), "{compact}");
}

#[test]
fn an_attribute_stands_for_the_source_where_there_is_none() {
    let path = AttrPath::attr("network").with_index(0).with_attr("ip");
    let shown = render(
        &Diagnostic::error("E").address("hcloud_server.web[0]").attribute(path),
        &Sources::new(),
        &Style::plain(),
    );
    assert_eq!(shown, "\nError: E\n\n  with hcloud_server.web[0], attribute network[0].ip\n");
}

#[test]
fn json_is_that_of_terraform_validate() {
    // Recorded from Terraform 1.11.4 with this configuration.
    let text = "resource \"terraform_data\" \"y\" {\n  input = \n}\nvariable \"x\" {\n  type = string\n  default = \"\n}\n";
    let (sources, id) = sources(text);
    let cases = [
        (
            Span::new(id, 42, 43),
            "resource \"terraform_data\" \"y\"",
            "  input = \n}",
            2,
            10,
            11,
            [2, 11, 42, 3, 1, 43],
        ),
        (Span::new(id, 89, 90), "variable \"x\"", "  default = \"\n}", 6, 13, 14, [6, 14, 89, 7, 1, 90]),
    ];
    for (span, context, code, start_line, from, to, range) in cases {
        let json = to_json(&Diagnostic::error("Invalid expression").detail("D").subject(span), &sources);
        let [line, column, byte, end_line, end_column, end_byte] = range;
        assert_eq!(
            json,
            serde_json::json!({
                "severity": "error",
                "summary": "Invalid expression",
                "detail": "D",
                "range": {
                    "filename": "main.tf",
                    "start": { "line": line, "column": column, "byte": byte },
                    "end": { "line": end_line, "column": end_column, "byte": end_byte },
                },
                "snippet": {
                    "context": context,
                    "code": code,
                    "start_line": start_line,
                    "highlight_start_offset": from,
                    "highlight_end_offset": to,
                    "values": [],
                },
            })
        );
    }
}
