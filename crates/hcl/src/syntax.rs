//! The kinds of tokens and nodes, and the tree's types.

/// Defines [`SyntaxKind`] and the table that leads back from its number.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What a token or node of the tree is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum SyntaxKind {
            $($(#[doc = $doc])* $name,)*
        }

        const ALL: &[SyntaxKind] = &[$(SyntaxKind::$name,)*];
    };
}

kinds! {
    /// Blanks and tabs.
    Whitespace,
    /// `# …`, `// …` (without the line ending) or `/* … */`.
    Comment,
    /// A byte order mark at the start of the text.
    ByteOrderMark,
    /// A line ending outside of strings.
    Newline,
    /// A name.
    Ident,
    /// A number.
    Number,
    /// The quote that begins a string.
    QuoteOpen,
    /// The quote that ends a string.
    QuoteClose,
    /// `<<EOT` or `<<-EOT` with the line ending.
    HeredocOpen,
    /// The closing line of a heredoc, with blanks around the marker, without the line ending.
    HeredocClose,
    /// A piece of text in a template.
    TemplateText,
    /// A line ending where a quoted string goes on over several lines, which is wrong.
    QuotedNewline,
    /// `${` or `${~`
    InterpolationOpen,
    /// `%{` or `%{~`
    DirectiveOpen,
    /// `}` or `~}` that ends an interpolation or directive.
    TemplateClose,
    /// `{`
    LBrace,
    /// `}`
    RBrace,
    /// `[`
    LBracket,
    /// `]`
    RBracket,
    /// `(`
    LParen,
    /// `)`
    RParen,
    /// `=`
    Equals,
    /// `==`
    EqualTo,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `&&`
    AndAnd,
    /// `||`
    OrOr,
    /// `!`
    Bang,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Star,
    /// `/`
    Slash,
    /// `%`
    Percent,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `...`
    Ellipsis,
    /// `=>`
    FatArrow,
    /// `?`
    Question,
    /// `:`
    Colon,
    /// `::`
    ColonColon,
    /// `&`, `|`, `^` or `~`, which the language does not have.
    BitwiseOperator,
    /// A backtick, which the language does not have.
    Backtick,
    /// `'`, which the language does not have.
    Apostrophe,
    /// `;`, which the language does not have.
    Semicolon,
    /// A `/*` without its `*/`, and the rest of the text.
    UnterminatedComment,
    /// Characters that mean nothing.
    Invalid,
    /// The end of the text; only the parser sees it, it is in no tree.
    Eof,

    /// A whole text.
    Root,
    /// `name = expression`
    Attribute,
    /// `type "label" { … }`
    Block,
    /// What the braces of a block hold, with the braces.
    BlockBody,
    /// A quoted label.
    Label,
    /// What could not be made sense of.
    ErrorNode,
    /// A number, `true`, `false` or `null`.
    Literal,
    /// A name on its own.
    Variable,
    /// `base.name`
    GetAttr,
    /// `base[key]` or `base.0`
    Index,
    /// `base[*]` or `base.*` with the steps that belong to the latter.
    Splat,
    /// `name(arguments)`
    Call,
    /// `[a, b]`
    Tuple,
    /// `{ key = value }`
    Object,
    /// `key = value` in an object.
    ObjectItem,
    /// `[for …]`
    ForTuple,
    /// `{for …}`
    ForObject,
    /// `-x`, `!x`
    Unary,
    /// `a + b`
    Binary,
    /// `a ? b : c`
    Conditional,
    /// `(a)`
    Parens,
    /// A quoted string.
    QuotedTemplate,
    /// A heredoc.
    HeredocTemplate,
    /// `${expression}`
    Interpolation,
    /// `%{…}`
    Directive,
}

impl SyntaxKind {
    /// Whether it can stand between any two tokens without a meaning of its own.
    pub fn is_trivia(self) -> bool {
        matches!(self, SyntaxKind::Whitespace | SyntaxKind::Comment | SyntaxKind::ByteOrderMark)
    }

    pub(crate) fn raw(self) -> rowan::SyntaxKind {
        rowan::SyntaxKind(self as u16)
    }
}

/// Ties [`SyntaxKind`] to rowan's trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HclLanguage {}

impl rowan::Language for HclLanguage {
    type Kind = SyntaxKind;

    fn kind_from_raw(raw: rowan::SyntaxKind) -> SyntaxKind {
        ALL.get(usize::from(raw.0)).copied().unwrap_or(SyntaxKind::ErrorNode)
    }

    fn kind_to_raw(kind: SyntaxKind) -> rowan::SyntaxKind {
        kind.raw()
    }
}

/// A node of the lossless tree.
pub type SyntaxNode = rowan::SyntaxNode<HclLanguage>;
/// A token of the lossless tree.
pub type SyntaxToken = rowan::SyntaxToken<HclLanguage>;
/// A node or token of the lossless tree.
pub type SyntaxElement = rowan::SyntaxElement<HclLanguage>;
