//! What expressions refer to.

use std::fmt;
use std::sync::Arc;

use ferroform_core::addr::{Resource, ResourceMode};
use ferroform_core::{Diagnostic, Span};
use ferroform_hcl::ast::{Block, Body, Expr, ExprKind, ForIntro, TemplatePart};
use smallvec::SmallVec;

use crate::config::module::{Condition, ResourceBlock};

/// Something with a value that an expression can name. Names are relative to the module of the expression.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Referent {
    /// `var.name`
    Var(Arc<str>),
    /// `local.name`
    Local(Arc<str>),
    /// A resource, all its instances together.
    Resource(Resource),
    /// `module.call`, all its instances and outputs together.
    ModuleCall(Arc<str>),
    /// `module.call.output` or `module.call[key].output`.
    ModuleOutput(Arc<str>, Arc<str>),
    /// `each.key`
    EachKey,
    /// `each.value`
    EachValue,
    /// `count.index`
    CountIndex,
    /// `path.module`, `path.root`, `path.cwd`
    Path(Arc<str>),
    /// `terraform.workspace`
    Terraform(Arc<str>),
    /// `self`
    SelfObject,
}

impl fmt::Display for Referent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Referent::Var(name) => write!(f, "var.{name}"),
            Referent::Local(name) => write!(f, "local.{name}"),
            Referent::Resource(resource) => write!(f, "{resource}"),
            Referent::ModuleCall(name) => write!(f, "module.{name}"),
            Referent::ModuleOutput(name, output) => write!(f, "module.{name}.{output}"),
            Referent::EachKey => f.write_str("each.key"),
            Referent::EachValue => f.write_str("each.value"),
            Referent::CountIndex => f.write_str("count.index"),
            Referent::Path(name) => write!(f, "path.{name}"),
            Referent::Terraform(name) => write!(f, "terraform.{name}"),
            Referent::SelfObject => f.write_str("self"),
        }
    }
}

/// A referent and where it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// What is referred to.
    pub referent: Referent,
    /// The part of the expression that names it.
    pub span: Span,
}

/// Everything that an expression refers to, with repetitions and in no order but a fixed one; the variables of `for`
/// expressions are no references. What is malformed is left out: validation and evaluation report it.
pub fn references_in_expr(expr: &Expr) -> Vec<Reference> {
    let mut walker = Walker::default();
    walker.expr(expr);
    walker.found
}

/// Everything that the arguments and blocks of a body refer to. The iterators of `dynamic` blocks are no references.
pub fn references_in_body(body: &Body) -> Vec<Reference> {
    let mut walker = Walker::default();
    walker.body(body);
    walker.found
}

/// What follows a reference directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follow {
    /// Nothing, a splat, or an index that is computed.
    Other,
    /// An attribute.
    Attr,
    /// An index that is written out.
    Index,
}

/// References with what follows them, and those that are malformed.
pub(crate) struct Checked {
    pub(crate) found: Vec<(Reference, Follow)>,
    pub(crate) problems: Vec<Diagnostic>,
}

pub(crate) fn check_expr(expr: &Expr) -> Checked {
    let mut walker = Walker::default();
    walker.expr(expr);
    walker.checked()
}

pub(crate) fn check_body(body: &Body) -> Checked {
    let mut walker = Walker::default();
    walker.body(body);
    walker.checked()
}

impl ResourceBlock {
    /// Everything that the resource refers to: body, `count`, `for_each`, `depends_on`, conditions and
    /// `replace_triggered_by`. `each`, `count` and `self` are among it.
    pub fn references(&self) -> Vec<Reference> {
        let mut out = references_in_body(&self.body);
        for expr in self.count.iter().chain(&self.for_each).chain(&self.lifecycle.replace_triggered_by) {
            out.extend(references_in_expr(expr));
        }
        out.extend(self.depends_on.iter().cloned());
        let conditions = self.lifecycle.preconditions.iter().chain(&self.lifecycle.postconditions);
        out.extend(conditions.flat_map(Condition::references));
        out
    }
}

/// A name with the attribute and index accesses behind it, innermost first. Each step is the expression that ends
/// with it.
pub(crate) struct Chain<'a> {
    /// What the accesses begin with; neither attribute access nor index.
    pub(crate) root: &'a Expr,
    /// The accesses.
    pub(crate) steps: SmallVec<[&'a Expr; 6]>,
}

impl<'a> Chain<'a> {
    /// Takes an expression apart.
    pub(crate) fn of(expr: &'a Expr) -> Chain<'a> {
        let mut steps = SmallVec::new();
        let mut root = expr;
        while let ExprKind::GetAttr { base, .. } | ExprKind::Index { base, .. } = &*root.kind {
            steps.push(root);
            root = base;
        }
        steps.reverse();
        Chain { root, steps }
    }

    fn attr(&self, at: usize) -> Option<&'a Arc<str>> {
        match &*self.steps.get(at)?.kind {
            ExprKind::GetAttr { name, .. } => Some(&name.name),
            _ => None,
        }
    }

    /// The span of the first `count` steps.
    pub(crate) fn span(&self, count: usize) -> Span {
        count.checked_sub(1).and_then(|i| self.steps.get(i)).map_or(self.root.span, |step| step.span)
    }

    /// What a chain that begins with this name refers to, and how many steps belong to the reference.
    pub(crate) fn referent(&self, root: &str) -> Result<(Referent, usize), Diagnostic> {
        let single = |make: fn(Arc<str>) -> Referent| match (self.attr(0), self.steps.is_empty()) {
            (Some(name), _) => Ok((make(name.clone()), 1)),
            (None, true) => Err(invalid(
                self.root.span,
                format!(
                    "The {root:?} object cannot be accessed directly. Instead, access one of its attributes.",
                ),
            )),
            (None, false) => {
                Err(invalid(self.span(1), format!("The {root:?} object does not support this operation.")))
            }
        };
        match root {
            "var" => single(Referent::Var),
            "local" => single(Referent::Local),
            "path" => single(Referent::Path),
            "terraform" => single(Referent::Terraform),
            "self" => Ok((Referent::SelfObject, 0)),
            "count" => match single(Referent::Var)? {
                (Referent::Var(name), 1) if &*name == "index" => Ok((Referent::CountIndex, 1)),
                (Referent::Var(name), _) => Err(Diagnostic::error("Invalid \"count\" attribute")
                    .detail(format!(
                        "The \"count\" object does not have an attribute named {:?}. The only supported attribute is \
                         count.index, which is the index of each instance of a resource block that has the \"count\" \
                         argument set.",
                        &*name
                    ))
                    .subject(self.span(1))),
                other => Ok(other),
            },
            "each" => match single(Referent::Var)? {
                (Referent::Var(name), 1) if &*name == "key" => Ok((Referent::EachKey, 1)),
                (Referent::Var(name), 1) if &*name == "value" => Ok((Referent::EachValue, 1)),
                (Referent::Var(name), _) => Err(Diagnostic::error("Invalid \"each\" attribute")
                    .detail(format!(
                        "The \"each\" object does not have an attribute named {:?}. The supported attributes are \
                         each.key and each.value, the current key and value pair of the \"for_each\" attribute set.",
                        &*name
                    ))
                    .subject(self.span(1))),
                other => Ok(other),
            },
            "module" => {
                let (referent, _) = single(Referent::ModuleCall)?;
                let Referent::ModuleCall(call) = referent else { return Ok((referent, 1)) };
                let indexed = matches!(self.steps.get(1).map(|s| &*s.kind), Some(ExprKind::Index { .. }));
                let at = if indexed { 2 } else { 1 };
                Ok(match self.attr(at) {
                    Some(output) => (Referent::ModuleOutput(call, output.clone()), at + 1),
                    None => (Referent::ModuleCall(call), 1),
                })
            }
            "data" => self.resource(ResourceMode::Data, 0, "The \"data\" object must be followed by two attribute names: the data source type and the resource name."),
            "ephemeral" => self.resource(ResourceMode::Ephemeral, 0, "The \"ephemeral\" object must be followed by two attribute names: the ephemeral resource type and the resource name."),
            "resource" => self.resource(ResourceMode::Managed, 0, "The \"resource\" object must be followed by two attribute names: the resource type and the resource name."),
            "template" | "lazy" | "arg" => Err(Diagnostic::error("Reserved symbol name")
                .detail(format!(
                    "The symbol name {root:?} is reserved for use in a future version of the language. If it is the \
                     type of a resource, write \"resource.{root}\" instead.",
                ))
                .subject(self.root.span)),
            type_name => match self.attr(0) {
                Some(name) => Ok((Referent::Resource(Resource::managed(type_name, name.clone())), 1)),
                None => Err(invalid(
                    self.span(1),
                    "A reference to a resource type must be followed by at least one attribute access, specifying \
                     the resource name.",
                )),
            },
        }
    }

    fn resource(&self, mode: ResourceMode, at: usize, help: &str) -> Result<(Referent, usize), Diagnostic> {
        match (self.attr(at), self.attr(at + 1)) {
            (Some(type_name), Some(name)) => {
                let resource = Resource { mode, type_name: type_name.clone(), name: name.clone() };
                Ok((Referent::Resource(resource), at + 2))
            }
            _ => Err(invalid(self.span(self.steps.len().min(at + 2)), help)),
        }
    }
}

fn invalid(span: Span, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("Invalid reference").detail(detail).subject(span)
}

/// Whether a key is written out.
pub(crate) fn is_constant(key: &Expr) -> bool {
    matches!(&*key.kind, ExprKind::Number(_)) || key.as_literal_str().is_some()
}

/// The names that a `dynamic` block gives its current element.
pub(crate) fn dynamic_iterator(block: &Block) -> Option<&str> {
    match block.body.attribute("iterator") {
        Some(attribute) => attribute.expr.as_keyword(),
        None => block.labels.first().map(|label| &*label.name),
    }
}

/// Collects references; knows the names that are bound around the current place.
#[derive(Default)]
struct Walker<'a> {
    bound: Vec<&'a str>,
    found: Vec<Reference>,
    /// As long as `found`.
    follows: Vec<Follow>,
    problems: Vec<Diagnostic>,
}

impl<'a> Walker<'a> {
    fn checked(self) -> Checked {
        Checked { found: self.found.into_iter().zip(self.follows).collect(), problems: self.problems }
    }

    fn body(&mut self, body: &'a Body) {
        for attribute in &body.attributes {
            self.expr(&attribute.expr);
        }
        for block in &body.blocks {
            if &*block.kind.name == "dynamic" && block.labels.len() == 1 {
                self.dynamic(block);
            } else {
                self.body(&block.body);
            }
        }
    }

    fn dynamic(&mut self, block: &'a Block) {
        if let Some(for_each) = block.body.attribute("for_each") {
            self.expr(&for_each.expr);
        }
        let depth = self.bound.len();
        self.bound.extend(dynamic_iterator(block));
        if let Some(labels) = block.body.attribute("labels") {
            self.expr(&labels.expr);
        }
        for content in block.body.blocks_of("content") {
            self.body(&content.body);
        }
        self.bound.truncate(depth);
    }

    fn expr(&mut self, mut expr: &'a Expr) {
        // Chains of operators are deep on one side only: that side is the loop's.
        loop {
            match &*expr.kind {
                ExprKind::Null
                | ExprKind::Bool(_)
                | ExprKind::Number(_)
                | ExprKind::SplatItem
                | ExprKind::Error => return,
                ExprKind::Template(parts) => return self.parts(parts),
                ExprKind::Variable(_) | ExprKind::GetAttr { .. } | ExprKind::Index { .. } => {
                    return self.chain(expr);
                }
                ExprKind::Splat { base, each, .. } => {
                    self.expr(base);
                    expr = each;
                }
                ExprKind::Call { args, .. } | ExprKind::Tuple(args) => {
                    args.iter().for_each(|arg| self.expr(arg));
                    return;
                }
                ExprKind::Object(items) => {
                    for item in items {
                        if !item.bare {
                            self.expr(&item.key);
                        }
                        self.expr(&item.value);
                    }
                    return;
                }
                ExprKind::ForTuple(f) => return self.bind(&f.intro, |walker| walker.expr(&f.value)),
                ExprKind::ForObject(f) => {
                    return self.bind(&f.intro, |walker| {
                        walker.expr(&f.key);
                        walker.expr(&f.value);
                    });
                }
                ExprKind::Unary(_, operand) => expr = operand,
                ExprKind::Binary(_, left, right) => {
                    self.expr(right);
                    expr = left;
                }
                ExprKind::Conditional { cond, then, otherwise } => {
                    self.expr(cond);
                    self.expr(then);
                    expr = otherwise;
                }
                ExprKind::Parens(inner) => expr = inner,
            }
        }
    }

    fn bind(&mut self, intro: &'a ForIntro, inner: impl FnOnce(&mut Self)) {
        self.expr(&intro.collection);
        let depth = self.bound.len();
        self.bound.extend(intro.key.iter().map(|key| &*key.name));
        self.bound.push(&intro.value.name);
        if let Some(cond) = &intro.cond {
            self.expr(cond);
        }
        inner(self);
        self.bound.truncate(depth);
    }

    fn chain(&mut self, expr: &'a Expr) {
        let chain = Chain::of(expr);
        for step in &chain.steps {
            if let ExprKind::Index { key, .. } = &*step.kind {
                self.expr(key);
            }
        }
        match &*chain.root.kind {
            ExprKind::Variable(name) if self.bound.contains(&&**name) => {}
            ExprKind::Variable(name) => match chain.referent(name) {
                Ok((referent, steps)) => {
                    self.found.push(Reference { referent, span: chain.span(steps) });
                    self.follows.push(match chain.steps.get(steps).map(|step| &*step.kind) {
                        Some(ExprKind::GetAttr { .. }) => Follow::Attr,
                        Some(ExprKind::Index { key, .. }) if is_constant(key) => Follow::Index,
                        _ => Follow::Other,
                    });
                }
                Err(problem) => self.problems.push(problem),
            },
            _ => self.expr(chain.root),
        }
    }

    fn parts(&mut self, parts: &'a [TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Literal(..) => {}
                TemplatePart::Interpolation(expr) => self.expr(expr),
                TemplatePart::If { cond, then, otherwise, .. } => {
                    self.expr(cond);
                    self.parts(then);
                    self.parts(otherwise);
                }
                TemplatePart::For { key, value, collection, body, .. } => {
                    self.expr(collection);
                    let depth = self.bound.len();
                    self.bound.extend(key.iter().map(|key| &*key.name));
                    self.bound.push(&value.name);
                    self.parts(body);
                    self.bound.truncate(depth);
                }
            }
        }
    }
}
