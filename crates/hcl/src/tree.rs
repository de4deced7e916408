//! The lossless tree as the parser records it: a list in which a node stands behind its children.
//!
//! A node is begun by remembering where the list ends and completed by one entry, so that wrapping what is parsed
//! already (the left operand of an operator) costs nothing. rowan's tree, which costs an allocation a token, is made
//! from it only for those who want to look at it; planning never does.

use rowan::{GreenNode, GreenToken, NodeOrToken};

use crate::syntax::{SyntaxKind, SyntaxNode};

/// Where a node begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark(u32);

#[derive(Debug, Clone, Copy)]
struct Entry {
    kind: SyntaxKind,
    /// 0 for a token.
    height: u16,
    /// Length in bytes of a token; index of the first entry inside a node.
    data: u32,
}

/// The recorded tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree(Vec<Entry>);

impl Tree {
    pub(crate) fn with_capacity(entries: usize) -> Self {
        Tree(Vec::with_capacity(entries))
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark(self.0.len() as u32)
    }

    pub(crate) fn token(&mut self, kind: SyntaxKind, len: u32) {
        self.0.push(Entry { kind, height: 0, data: len });
    }

    /// Makes a node of everything recorded since the mark; returns how many levels of nodes it has.
    pub(crate) fn complete(&mut self, mark: Mark, kind: SyntaxKind) -> u16 {
        let first = mark.0;
        let mut height = 0;
        let mut end = self.0.len();
        while end > first as usize {
            let entry = self.0[end - 1];
            height = height.max(entry.height);
            end = if entry.height == 0 { end - 1 } else { entry.data as usize };
        }
        let height = height.saturating_add(1);
        self.0.push(Entry { kind, height, data: first });
        height
    }

    /// Records what another tree has recorded, behind all that is here.
    pub(crate) fn append(&mut self, other: &Tree) {
        let behind = self.0.len() as u32;
        self.0.extend(other.0.iter().map(|entry| match entry.height {
            0 => *entry,
            _ => Entry { data: entry.data + behind, ..*entry },
        }));
    }

    /// rowan's tree of the text that was recorded. The last entry must be the root.
    pub(crate) fn to_rowan(&self, text: &str) -> SyntaxNode {
        let mut open: Vec<(usize, NodeOrToken<GreenNode, GreenToken>)> = Vec::new();
        let mut offset = 0;
        for (index, entry) in self.0.iter().enumerate() {
            if entry.height == 0 {
                let end = offset + entry.data as usize;
                let token = GreenToken::new(entry.kind.raw(), text.get(offset..end).unwrap_or_default());
                offset = end;
                open.push((index, NodeOrToken::Token(token)));
                continue;
            }
            let first = entry.data as usize;
            let split = open.len() - open.iter().rev().take_while(|(at, _)| *at >= first).count();
            let node = GreenNode::new(entry.kind.raw(), open.drain(split..).map(|(_, child)| child));
            open.push((first, NodeOrToken::Node(node)));
        }
        match open.pop() {
            Some((_, NodeOrToken::Node(root))) => SyntaxNode::new_root(root),
            _ => SyntaxNode::new_root(GreenNode::new(SyntaxKind::Root.raw(), [])),
        }
    }
}
