//! YAML as kubeconfigs and manifests have it: read without a change of any value, and written.
//!
//! Scalars stay text: whether `1.10` is a number matters to nobody here, and what is written reads as it was.

use std::collections::HashMap;
use std::fmt::Write as _;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};

/// Documents nested deeper than this are refused.
const MAX_DEPTH: usize = 100;
/// More nodes than this, each alias counting what it stands for, are refused.
const MAX_NODES: usize = 1_000_000;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// Text without quotation marks, which may mean a number, a bool or null.
    Plain(String),
    /// Text that is text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values in order.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// A text.
    pub fn text(text: impl Into<String>) -> Node {
        Node::Text(text.into())
    }

    /// An empty map.
    pub fn map() -> Node {
        Node::Map(Vec::new())
    }

    /// The scalar's text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Node::Plain(text) | Node::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The elements; none if it is no list.
    pub fn items(&self) -> &[Node] {
        match self {
            Node::List(items) => items,
            _ => &[],
        }
    }

    /// The entries; none if it is no map.
    pub fn entries(&self) -> &[(String, Node)] {
        match self {
            Node::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Whether there is nothing: null or an empty text.
    pub fn is_null(&self) -> bool {
        matches!(self, Node::Plain(text) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The value at the end of a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text at the end of a path of keys.
    pub fn str_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Node::as_str)
    }

    /// Sets the value of a key; what was no map becomes one.
    pub fn set(&mut self, key: &str, value: Node) {
        if !matches!(self, Node::Map(_)) {
            *self = Node::map();
        }
        if let Node::Map(entries) = self {
            match entries.iter_mut().find(|(known, _)| known == key) {
                Some((_, old)) => *old = value,
                None => entries.push((key.to_owned(), value)),
            }
        }
    }

    /// Removes a key.
    pub fn remove(&mut self, key: &str) {
        if let Node::Map(entries) = self {
            entries.retain(|(known, _)| known != key);
        }
    }
}

/// Reads all documents of a text; empty ones are left out.
pub fn read(text: &str) -> Result<Vec<Node>, String> {
    let mut reader = Reader { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes: 0 };
    let mut documents = Vec::new();
    loop {
        match reader.next()? {
            Event::StreamEnd => return Ok(documents),
            Event::StreamStart | Event::DocumentEnd => {}
            Event::DocumentStart(_) => {
                reader.anchors.clear();
                let first = reader.next()?;
                let node = reader.node(first, 0)?.0;
                if !node.is_null() {
                    documents.push(node);
                }
            }
            _ => return Err("a document is missing its start".to_owned()),
        }
    }
}

struct Reader<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        match self.parser.next_event() {
            Some(Ok((event, _))) => Ok(event),
            Some(Err(error)) => {
                let at = error.marker();
                Err(format!("line {}, column {}: {}", at.line(), at.col() + 1, error.info()))
            }
            None => Err("it ends too early".to_owned()),
        }
    }

    fn node(&mut self, event: Event<'a>, depth: usize) -> Result<(Node, usize), String> {
        if depth > MAX_DEPTH {
            return Err("it is nested too deeply".to_owned());
        }
        let (node, size, anchor) = match event {
            Event::Alias(id) => {
                let known = self.anchors.get(&id).cloned();
                let (node, size) = known.ok_or("an alias refers to an anchor that is not complete")?;
                (node, size, 0)
            }
            Event::Scalar(text, ScalarStyle::Plain, anchor, _) => (Node::Plain(text.into_owned()), 1, anchor),
            Event::Scalar(text, _, anchor, _) => (Node::Text(text.into_owned()), 1, anchor),
            Event::SequenceStart(anchor, _) => {
                let (mut items, mut size) = (Vec::new(), 1);
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => {
                            let (item, more) = self.node(event, depth + 1)?;
                            items.push(item);
                            size += more;
                        }
                    }
                }
                (Node::List(items), size, anchor)
            }
            Event::MappingStart(anchor, _) => {
                let (mut entries, mut size) = (Vec::new(), 1);
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => break,
                        event => self.node(event, depth + 1)?.0,
                    };
                    let key = key.as_str().ok_or("a key is no text")?.to_owned();
                    let event = self.next()?;
                    let (value, more) = self.node(event, depth + 1)?;
                    entries.push((key, value));
                    size += more;
                }
                (Node::Map(entries), size, anchor)
            }
            _ => return Err("a value is missing".to_owned()),
        };
        self.nodes += size;
        if self.nodes > MAX_NODES {
            return Err("it holds too many values".to_owned());
        }
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok((node, size))
    }
}

/// One document as text.
pub fn write(node: &Node) -> String {
    let mut text = String::new();
    block(&mut text, node, 0);
    text
}

/// A value that begins on a line of its own.
fn block(text: &mut String, node: &Node, indent: usize) {
    let pad = " ".repeat(indent);
    match node {
        Node::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                let _ = write!(text, "{pad}{}:", key_text(key));
                behind(text, value, indent);
            }
        }
        Node::List(items) if !items.is_empty() => {
            for item in items {
                let _ = write!(text, "{pad}-");
                match item {
                    Node::Map(entries) if !entries.is_empty() => {
                        // The first key stands behind the dash.
                        let mut inner = String::new();
                        block(&mut inner, item, indent + 2);
                        let _ = write!(text, " {}", inner.trim_start());
                    }
                    Node::List(inner) if !inner.is_empty() => {
                        text.push('\n');
                        block(text, item, indent + 2);
                    }
                    other => {
                        let _ = writeln!(text, " {}", scalar(other));
                    }
                }
            }
        }
        other => {
            let _ = writeln!(text, "{pad}{}", scalar(other));
        }
    }
}

/// A value behind its key.
fn behind(text: &mut String, value: &Node, indent: usize) {
    match value {
        Node::Map(entries) if !entries.is_empty() => {
            text.push('\n');
            block(text, value, indent + 2);
        }
        Node::List(items) if !items.is_empty() => {
            text.push('\n');
            block(text, value, indent);
        }
        other => {
            let _ = writeln!(text, " {}", scalar(other));
        }
    }
}

/// Texts that YAML 1.1 or 1.2 takes for something else without quotation marks.
fn looks_like_something_else(text: &str) -> bool {
    const WORDS: [&str; 10] = ["", "~", "null", "true", "false", "yes", "no", "on", "off", "<<"];
    let first = text.chars().next().unwrap_or(' ');
    WORDS.contains(&text.to_ascii_lowercase().as_str()) || first.is_ascii_digit() || "+-.=".contains(first)
}

fn is_simple(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./@+=".contains(c))
        && !looks_like_something_else(text)
}

fn key_text(key: &str) -> String {
    if is_simple(key) { key.to_owned() } else { quoted(key) }
}

fn scalar(node: &Node) -> String {
    match node {
        Node::Plain(text) if text.contains('\n') => quoted(text),
        Node::Plain(text) => text.clone(),
        Node::Text(text) if is_simple(text) => text.clone(),
        Node::Text(text) => quoted(text),
        Node::List(_) => "[]".to_owned(),
        Node::Map(_) => "{}".to_owned(),
    }
}

/// In double quotation marks, with the escapes of JSON, which YAML has too.
fn quoted(text: &str) -> String {
    // A text always becomes JSON.
    serde_json::to_string(text).unwrap_or_default()
}
