use std::sync::atomic::{AtomicU64, Ordering};

use ferroform_core::Diagnostic;
use ferroform_engine::events::{Operation, Settlement};
use ferroform_plan::Action;
use ferroform_state::DeposedKey;
use indicatif::{ProgressDrawTarget, TermLike};

use super::*;

/// Time that a test sets, in seconds.
#[derive(Clone, Default)]
struct Stepped(Arc<AtomicU64>);

impl Stepped {
    fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::Relaxed);
    }
}

impl Clock for Stepped {
    fn now(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed))
    }

    fn moment(&self) -> String {
        format!("2026-01-01T00:{:02}:{:02}Z", self.now().as_secs() / 60, self.now().as_secs() % 60)
    }
}

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A terminal of which only the lines are looked at.
#[derive(Debug, Clone, Default)]
struct Screen(Arc<Mutex<Cells>>);

#[derive(Debug, Default)]
struct Cells {
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

impl Screen {
    fn contents(&self) -> String {
        let lines: Vec<String> = lock(&self.0)
            .lines
            .iter()
            .map(|line| line.iter().collect::<String>().trim_end().to_owned())
            .collect();
        lines.join("\n").trim_end().to_owned()
    }

    fn change(&self, change: impl FnOnce(&mut Cells)) -> std::io::Result<()> {
        change(&mut lock(&self.0));
        Ok(())
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        60
    }
    fn height(&self) -> u16 {
        40
    }
    fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
        self.change(|cells| cells.row = cells.row.saturating_sub(n))
    }
    fn move_cursor_down(&self, n: usize) -> std::io::Result<()> {
        self.change(|cells| cells.row += n)
    }
    fn move_cursor_right(&self, n: usize) -> std::io::Result<()> {
        self.change(|cells| cells.column += n)
    }
    fn move_cursor_left(&self, n: usize) -> std::io::Result<()> {
        self.change(|cells| cells.column = cells.column.saturating_sub(n))
    }
    fn write_line(&self, text: &str) -> std::io::Result<()> {
        self.write_str(&format!("{text}\n"))
    }
    fn write_str(&self, text: &str) -> std::io::Result<()> {
        self.change(|cells| {
            for c in text.chars() {
                let (row, column) = (cells.row, cells.column);
                match c {
                    '\n' => (cells.row, cells.column) = (row + 1, 0),
                    '\r' => cells.column = 0,
                    c => {
                        // A full line goes on in the next one.
                        let (row, column) = if column < 60 { (row, column) } else { (row + 1, 0) };
                        if cells.lines.len() <= row {
                            cells.lines.resize(row + 1, Vec::new());
                        }
                        let line = &mut cells.lines[row];
                        if line.len() <= column {
                            line.resize(column + 1, ' ');
                        }
                        line[column] = c;
                        (cells.row, cells.column) = (row, column + 1);
                    }
                }
            }
        })
    }
    fn clear_line(&self) -> std::io::Result<()> {
        self.change(|cells| {
            let row = cells.row;
            if let Some(line) = cells.lines.get_mut(row) {
                line.clear();
            }
            cells.column = 0;
        })
    }
    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn operation(addr: &str, action: Action, id: Option<&str>) -> Operation {
    Operation { addr: addr.parse().unwrap(), deposed: None, action, id: id.map(Into::into) }
}

fn started(addr: &str, action: Action, id: Option<&str>) -> Event {
    Event::OperationStarted(operation(addr, action, id))
}

fn done(addr: &str, action: Action, id: Option<&str>) -> Event {
    Event::OperationDone(operation(addr, action, id))
}

/// The text of events, each at its second.
fn lines(events: Vec<(u64, Option<Event>)>) -> String {
    told(Box::new(Teller::new(Style::plain())), events)
}

fn told(teller: Box<dyn Tell>, events: Vec<(u64, Option<Event>)>) -> String {
    let (clock, paper) = (Stepped::default(), Paper::default());
    let progress = Progress::with(Box::new(clock.clone()), Output::Lines(teller, Box::new(paper.clone())));
    for (second, event) in events {
        clock.set(second);
        match event {
            Some(event) => progress.emit(event),
            None => lock(&progress.shared).tick(),
        }
    }
    progress.finish();
    let bytes = lock(&paper.0).clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn lines_are_those_of_terraform() {
    let read: ferroform_core::addr::ResourceInstance = "data.a.d".parse().unwrap();
    let mut deposed = operation("a.w", Action::Delete, Some("7"));
    deposed.deposed = Some(DeposedKey(0x1234_abcd));
    let events = vec![
        (0, Some(Event::RefreshStarted { objects: 3 })),
        (0, Some(Event::RefreshDone { objects: 3 })),
        (0, Some(Event::ReadStarted { addr: read.clone() })),
        (1, Some(Event::ReadDone { addr: read, id: Some("5".into()) })),
        (1, Some(Event::ApplyPlanned { operations: 4 })),
        (1, Some(started("a.b[0]", Action::Create, None))),
        (1, Some(started("a.u", Action::Update, Some("42")))),
        (10, None),
        (11, None),
        (12, None),
        (21, None),
        (22, Some(done("a.b[0]", Action::Create, Some("42")))),
        (62, Some(done("a.u", Action::Update, Some("42")))),
        (62, Some(Event::OperationStarted(deposed.clone()))),
        (64, Some(Event::OperationDone(deposed))),
        (64, Some(started("a.f", Action::Create, None))),
        (65, Some(Event::OperationFailed(operation("a.f", Action::Create, None)))),
    ];
    assert_eq!(
        lines(events),
        "\
Refreshing state... [3 objects]
data.a.d: Reading...
data.a.d: Read complete after 1s [id=5]
a.b[0]: Creating...
a.u: Modifying... [id=42]
a.b[0]: Still creating... [10s elapsed]
a.u: Still modifying... [id=42, 10s elapsed]
a.b[0]: Still creating... [20s elapsed]
a.u: Still modifying... [id=42, 20s elapsed]
a.b[0]: Creation complete after 21s [id=42]
a.u: Modifications complete after 1m1s [id=42]
a.w (deposed object 1234abcd): Destroying... [id=7]
a.w (deposed object 1234abcd): Destruction complete after 2s
a.f: Creating...
a.f: Creation failed after 1s
"
    );
}

#[test]
fn what_happens_beside_the_operations_is_told() {
    let addr: ferroform_core::addr::ResourceInstance = "a.b".parse().unwrap();
    let settled = |outcome| Some(Event::Settled { addr: addr.clone(), outcome });
    let text = lines(vec![
        (0, settled(Settlement::Adopted { id: Some("1".into()) })),
        (0, settled(Settlement::NotDone)),
        (0, Some(Event::Stopping { running: 1 })),
        (0, Some(Event::Diagnostic(Diagnostic::warning("Slow").detail("It takes long.")))),
    ]);
    assert_eq!(
        text,
        "\
a.b: Took over what an interrupted run had created [id=1]
a.b: An interrupted run had not done anything yet

Stopping. Nothing new is begun; waiting for 1 operation under way.
Interrupt again to stop waiting: the next run then finds out what became of them.


Warning: Slow

It takes long.
"
    );
}

/// As Terraform 1.11.4 words them with `apply -json`.
#[test]
fn messages_for_programs_are_those_of_terraform() {
    let read: ferroform_core::addr::ResourceInstance = "data.a.d".parse().unwrap();
    let text = told(
        Box::new(JsonTeller::default()),
        vec![
            (0, Some(Event::RefreshStarted { objects: 3 })),
            (0, Some(Event::RefreshDone { objects: 3 })),
            (0, Some(Event::ReadStarted { addr: read.clone() })),
            (1, Some(Event::ReadDone { addr: read, id: Some("5".into()) })),
            (1, Some(Event::ApplyPlanned { operations: 4 })),
            (2, Some(started("module.m[\"x\"].hcloud_server.w[0]", Action::Delete, Some("7")))),
            (12, None),
            (13, Some(done("module.m[\"x\"].hcloud_server.w[0]", Action::Delete, Some("7")))),
            (13, Some(started("a.f", Action::Create, None))),
            (14, Some(Event::OperationFailed(operation("a.f", Action::Create, Some("8"))))),
            (14, Some(Event::Stopping { running: 0 })),
            (14, Some(Event::Diagnostic(Diagnostic::warning("Slow").detail("It takes long.")))),
        ],
    );
    let resource = |addr: &str, module: &str, within: &str, names: [&str; 3], key: serde_json::Value| {
        let [provider, kind, name] = names;
        serde_json::json!({
            "addr": addr, "module": module, "resource": within, "implied_provider": provider, "resource_type": kind,
            "resource_name": name, "resource_key": key,
        })
    };
    let data = resource("data.a.d", "", "data.a.d", ["a", "a", "d"], serde_json::Value::Null);
    let server = resource(
        "module.m[\"x\"].hcloud_server.w[0]",
        "module.m[\"x\"]",
        "hcloud_server.w[0]",
        ["hcloud", "hcloud_server", "w"],
        0.into(),
    );
    let failed = resource("a.f", "", "a.f", ["a", "a", "f"], serde_json::Value::Null);
    let expected = serde_json::json!([
        ["log", "Refreshing state... [3 objects]", 0, null],
        ["apply_start", "data.a.d: Refreshing...", 0, { "resource": data, "action": "read" }],
        ["apply_complete", "data.a.d: Refresh complete after 1s [id=5]", 1, {
            "resource": data, "action": "read", "id_key": "id", "id_value": "5", "elapsed_seconds": 1
        }],
        ["apply_start", "module.m[\"x\"].hcloud_server.w[0]: Destroying... [id=7]", 2, {
            "resource": server, "action": "delete", "id_key": "id", "id_value": "7"
        }],
        ["apply_progress", "module.m[\"x\"].hcloud_server.w[0]: Still destroying... [id=7, 10s elapsed]", 12, {
            "resource": server, "action": "delete", "elapsed_seconds": 10
        }],
        ["apply_complete", "module.m[\"x\"].hcloud_server.w[0]: Destruction complete after 11s", 13, {
            "resource": server, "action": "delete", "elapsed_seconds": 11
        }],
        ["apply_start", "a.f: Creating...", 13, { "resource": failed, "action": "create" }],
        ["apply_errored", "a.f: Creation errored after 1s", 14, {
            "resource": failed, "action": "create", "elapsed_seconds": 1
        }],
        ["log", "Stopping. Nothing new is begun.", 14, null],
        ["diagnostic", "Warning: Slow", 14, null],
    ]);
    let told: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let short = |message: &serde_json::Value| {
        let second: u64 = message["@timestamp"].as_str().unwrap()[17..19].parse().unwrap();
        serde_json::json!([message["type"], message["@message"], second, message["hook"]])
    };
    assert_eq!(serde_json::Value::from(told.iter().map(short).collect::<Vec<_>>()), expected);
    assert!(told.iter().all(|message| message["@module"] == "terraform.ui"));
    let last = told.last().unwrap();
    assert_eq!(last["@level"], "warn");
    let diagnostic =
        serde_json::json!({ "severity": "warning", "summary": "Slow", "detail": "It takes long." });
    assert_eq!(last["diagnostic"], diagnostic);
}

#[test]
fn a_terminal_shows_what_is_under_way_and_is_clean_at_the_end() {
    let terminal = Screen::default();
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 200);
    let clock = Stepped::default();
    let live = Output::Live(Teller::new(Style::plain()), Board::on(target));
    let progress = Progress::with(Box::new(clock.clone()), live);
    let show = || {
        // More than the pause between two drawings.
        std::thread::sleep(Duration::from_millis(20));
        lock(&progress.shared).tick();
        terminal.contents()
    };
    progress.emit(Event::ApplyPlanned { operations: 3 });
    progress.emit(started("a.b", Action::Create, None));
    clock.set(1);
    progress.emit(started("a.c", Action::Create, None));
    clock.set(4);
    assert_eq!(show(), "  a.b: Creating... [4s]\n  a.c: Creating... [3s]\n  0/3");
    progress.emit(done("a.b", Action::Create, Some("1")));
    assert_eq!(show(), "a.b: Creation complete after 4s [id=1]\n  a.c: Creating... [3s]\n  1/3");
    progress.finish();
    assert_eq!(terminal.contents(), "a.b: Creation complete after 4s [id=1]");
}

#[test]
fn long_lists_are_cut_at_the_end() {
    let terminal = Screen::default();
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal.clone()), 200);
    let mut board = Board::on(target);
    let rows: Vec<String> = (0..30).map(|i| format!("row {i}")).collect();
    board.show(&rows, "5/99");
    std::thread::sleep(Duration::from_millis(20));
    board.show(&rows, "5/99");
    let shown = terminal.contents();
    assert!(shown.ends_with("row 11\n  5/99, and 18 more"), "{shown}");
    board.clear();
    assert_eq!(terminal.contents(), "");
}

#[test]
fn the_last_word_counts_what_was_done() {
    let counts = Done { imported: 0, added: 1, changed: 2, destroyed: 3 };
    let style = Style::plain();
    assert_eq!(
        render_done(counts, false, &style),
        "\nApply complete! Resources: 1 added, 2 changed, 3 destroyed.\n"
    );
    assert_eq!(
        render_done(Done { imported: 4, ..counts }, false, &style),
        "\nApply complete! Resources: 4 imported, 1 added, 2 changed, 3 destroyed.\n"
    );
    assert_eq!(render_done(counts, true, &style), "\nDestroy complete! Resources: 3 destroyed.\n");
}
