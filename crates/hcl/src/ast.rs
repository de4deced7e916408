//! The tree that evaluation works with: owned, without trivia, every node with its span.

use std::sync::Arc;

use ferroform_core::{Number, Span};

/// What a file or the braces of a block hold. Items keep the order in which they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// Arguments; names are unique unless the parser reported the repetition.
    pub attributes: Vec<Attribute>,
    /// Nested blocks.
    pub blocks: Vec<Block>,
    /// The whole file or everything between the braces.
    pub span: Span,
    /// Where a missing argument can be pointed at: the closing brace, or the end of the file.
    pub end: Span,
}

/// A name as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: Arc<str>,
    /// Where it is written.
    pub span: Span,
}

/// `name = expression`
#[derive(Debug, Clone, PartialEq)]
pub struct Attribute {
    /// The name.
    pub name: Ident,
    /// The value.
    pub expr: Expr,
    /// The whole argument.
    pub span: Span,
}

/// `kind "label" { … }`
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// The block's type.
    pub kind: Ident,
    /// Quoted or bare labels.
    pub labels: Vec<Ident>,
    /// What the braces hold.
    pub body: Arc<Body>,
    /// Type and labels, without the body: what messages point at.
    pub header: Span,
    /// The whole block.
    pub span: Span,
}

/// An expression; cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: Arc<ExprKind>,
    /// Where it is written.
    pub span: Span,
}

/// The forms of expressions.
#[derive(Debug, Clone, PartialEq)]
pub enum ExprKind {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number literal.
    Number(Number),
    /// A quoted string or heredoc, or the content of a `.tf.json` string. A template of a single literal part is
    /// a plain string; one of a single interpolation evaluates to the inner value itself, whatever its type, unless
    /// it is a heredoc (whose final newline is a part of its own). Escapes are resolved, indentation of `<<-` removed
    /// and strip markers applied already.
    Template(Vec<TemplatePart>),
    /// A name on its own: the root of a reference (`var`, `local`, a `for` variable …).
    Variable(Arc<str>),
    /// `base.name`; also the legacy `base.0`, which is an [`ExprKind::Index`] with a number literal.
    GetAttr {
        /// What the attribute is taken from.
        base: Expr,
        /// The attribute's name.
        name: Ident,
    },
    /// `base[key]`
    Index {
        /// What the element is taken from.
        base: Expr,
        /// The key.
        key: Expr,
    },
    /// `base[*]…` or `base.*…`
    Splat {
        /// What is repeated over.
        base: Expr,
        /// Applied to every element; its innermost base is [`ExprKind::SplatItem`].
        each: Expr,
        /// Written `[*]` rather than `.*`.
        full: bool,
    },
    /// The current element inside the `each` of the nearest splat around it.
    SplatItem,
    /// `name(arguments)` or `ns::name(arguments)`
    Call {
        /// The name with its namespaces, as written.
        name: Ident,
        /// The arguments.
        args: Vec<Expr>,
        /// The last argument is followed by `...`.
        expand: bool,
    },
    /// `[a, b]`
    Tuple(Vec<Expr>),
    /// `{ key = value }`
    Object(Vec<ObjectItem>),
    /// `[for v in c : value if cond]`
    ForTuple(Box<ForTuple>),
    /// `{for k, v in c : key => value... if cond}`
    ForObject(Box<ForObject>),
    /// `-x`, `!x`
    Unary(UnaryOp, Expr),
    /// `a + b`
    Binary(BinaryOp, Expr, Expr),
    /// `cond ? then : otherwise`
    Conditional {
        /// The condition.
        cond: Expr,
        /// The value if it holds.
        then: Expr,
        /// The value if not.
        otherwise: Expr,
    },
    /// `(inner)`
    Parens(Expr),
    /// What could not be parsed; already reported. Evaluates to an unknown value without further report.
    Error,
}

/// One part of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplatePart {
    /// Text.
    Literal(Arc<str>, Span),
    /// `${expression}`
    Interpolation(Expr),
    /// `%{if cond}…%{else}…%{endif}`
    If {
        /// The condition.
        cond: Expr,
        /// What stands for it when it holds.
        then: Vec<TemplatePart>,
        /// What stands for it when not.
        otherwise: Vec<TemplatePart>,
        /// From `%{if` to behind `%{endif}`.
        span: Span,
    },
    /// `%{for k, v in c}…%{endfor}`
    For {
        /// Name for the key, if given.
        key: Option<Ident>,
        /// Name for the element.
        value: Ident,
        /// What is repeated over.
        collection: Expr,
        /// Repeated for every element.
        body: Vec<TemplatePart>,
        /// From `%{for` to behind `%{endfor}`.
        span: Span,
    },
}

/// An entry of an object constructor.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectItem {
    /// The key. A bare name is a string (`bare`); anything else is evaluated. A parenthesised key is always evaluated.
    pub key: Expr,
    /// The key is a bare name, to be taken as a string.
    pub bare: bool,
    /// The value.
    pub value: Expr,
}

/// What both forms of `for` share.
#[derive(Debug, Clone, PartialEq)]
pub struct ForIntro {
    /// Name for the key or index, if given.
    pub key: Option<Ident>,
    /// Name for the element.
    pub value: Ident,
    /// What is repeated over.
    pub collection: Expr,
    /// Which elements count.
    pub cond: Option<Expr>,
}

/// A `for` that makes a tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct ForTuple {
    /// Names, collection and condition.
    pub intro: ForIntro,
    /// The element.
    pub value: Expr,
}

/// A `for` that makes an object.
#[derive(Debug, Clone, PartialEq)]
pub struct ForObject {
    /// Names, collection and condition.
    pub intro: ForIntro,
    /// The key.
    pub key: Expr,
    /// The value.
    pub value: Expr,
    /// Values with the same key are gathered in a tuple (`...`).
    pub group: bool,
}

/// Operators with one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Negate,
    /// `!`
    Not,
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOp {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Modulo,
}

impl Expr {
    /// An expression of a kind at a place.
    pub fn new(kind: ExprKind, span: Span) -> Self {
        Expr { kind: Arc::new(kind), span }
    }

    /// The text, if it is a string without interpolations.
    pub fn as_literal_str(&self) -> Option<&str> {
        match &*self.kind {
            ExprKind::Template(parts) => match parts.as_slice() {
                [] => Some(""),
                [TemplatePart::Literal(text, _)] => Some(text),
                _ => None,
            },
            ExprKind::Parens(inner) => inner.as_literal_str(),
            _ => None,
        }
    }

    /// The name, if it is one on its own (`string`, `each` …), as in the keywords of some arguments.
    pub fn as_keyword(&self) -> Option<&str> {
        match &*self.kind {
            ExprKind::Variable(name) => Some(name),
            _ => None,
        }
    }
}

impl Body {
    /// The argument of this name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| &*a.name.name == name)
    }

    /// The nested blocks of this type.
    pub fn blocks_of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Block> + 'a {
        self.blocks.iter().filter(move |b| &*b.kind.name == kind)
    }
}
