//! The order of the steps: which one is next, and what follows from how one ended.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use ferroform_plan::{ExecNode, Step, StepId};

/// Whether a step may begin, and how it ended.
#[derive(Clone, Copy, PartialEq)]
enum Status {
    Waiting,
    Running,
    Succeeded,
    /// It failed, or something that it waits for did.
    Failed,
}

/// When it is a step's turn among those that are ready: the most urgent first, of equals the one that the graph has first.
type Turn = (Reverse<u32>, StepId);

/// Which steps of a graph are done, and which can be.
pub(super) struct Schedule<'p> {
    nodes: &'p [ExecNode],
    /// The steps that wait for each one.
    followers: Vec<Vec<StepId>>,
    /// How many steps each one still waits for.
    waiting: Vec<usize>,
    urgency: Vec<u32>,
    status: Vec<Status>,
    /// What can begin. Evaluations are kept apart, so that nobody looks through all operations for them while there is no
    /// room for any of those.
    evaluations: BTreeSet<Turn>,
    operations: BTreeSet<Turn>,
}

impl<'p> Schedule<'p> {
    pub(super) fn new(nodes: &'p [ExecNode]) -> Self {
        let mut followers: Vec<Vec<StepId>> = vec![Vec::new(); nodes.len()];
        for (id, node) in nodes.iter().enumerate() {
            node.after.iter().for_each(|before| followers[*before as usize].push(id as StepId));
        }
        let urgency = urgency(nodes, &followers);
        let mut schedule = Schedule {
            nodes,
            followers,
            waiting: nodes.iter().map(|node| node.after.len()).collect(),
            urgency,
            status: vec![Status::Waiting; nodes.len()],
            evaluations: BTreeSet::new(),
            operations: BTreeSet::new(),
        };
        for id in 0..nodes.len() {
            if schedule.waiting[id] == 0 {
                schedule.make_ready(id as StepId);
            }
        }
        schedule
    }

    /// The step to begin now, which counts as begun then; an operation only if there is room for one.
    pub(super) fn begin_next(&mut self, room: bool) -> Option<StepId> {
        let operation = self.operations.first().filter(|_| room);
        let (ready, turn) = match (self.evaluations.first().copied(), operation.copied()) {
            (Some(evaluation), Some(operation)) if operation < evaluation => {
                (&mut self.operations, operation)
            }
            (Some(evaluation), _) => (&mut self.evaluations, evaluation),
            (None, operation) => (&mut self.operations, operation?),
        };
        ready.remove(&turn);
        let (_, id) = turn;
        self.status[id as usize] = Status::Running;
        Some(id)
    }

    /// A step has ended: what waited for it alone can begin, or fails with it.
    pub(super) fn end(&mut self, id: StepId, ok: bool) {
        if !ok {
            self.status[id as usize] = Status::Failed;
            self.fail_followers(id);
            return;
        }
        self.status[id as usize] = Status::Succeeded;
        for at in 0..self.followers[id as usize].len() {
            let follower = self.followers[id as usize][at];
            self.waiting[follower as usize] -= 1;
            if self.waiting[follower as usize] == 0 && self.status[follower as usize] == Status::Waiting {
                self.make_ready(follower);
            }
        }
    }

    /// How many operations were not begun or failed.
    pub(super) fn not_done(&self) -> usize {
        let not_done = |status: Status| matches!(status, Status::Waiting | Status::Failed);
        let all = self.nodes.iter().zip(&self.status);
        all.filter(|(node, status)| is_operation(node) && not_done(**status)).count()
    }

    fn make_ready(&mut self, id: StepId) {
        let turn = (Reverse(self.urgency[id as usize]), id);
        let operation = is_operation(&self.nodes[id as usize]);
        let ready = if operation { &mut self.operations } else { &mut self.evaluations };
        ready.insert(turn);
    }

    /// Everything that waits for a failed step fails with it.
    fn fail_followers(&mut self, id: StepId) {
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            for &follower in &self.followers[id as usize] {
                let status = &mut self.status[follower as usize];
                if *status == Status::Waiting {
                    *status = Status::Failed;
                    stack.push(follower);
                }
            }
        }
    }
}

fn is_operation(node: &ExecNode) -> bool {
    !matches!(node.step, Step::Evaluate(_))
}

/// How many operations follow on each step one after the other: what the longest chain waits for is begun first, so that
/// the end of it comes as early as it can.
fn urgency(nodes: &[ExecNode], followers: &[Vec<StepId>]) -> Vec<u32> {
    let mut urgency = vec![0; nodes.len()];
    let mut waiting: Vec<usize> = followers.iter().map(Vec::len).collect();
    let mut open: Vec<usize> = (0..nodes.len()).filter(|id| waiting[*id] == 0).collect();
    while let Some(id) = open.pop() {
        let own = u32::from(is_operation(&nodes[id]));
        for &before in &nodes[id].after {
            let before = before as usize;
            urgency[before] = urgency[before].max(urgency[id] + own);
            waiting[before] -= 1;
            if waiting[before] == 0 {
                open.push(before);
            }
        }
    }
    urgency
}

#[cfg(test)]
mod tests {
    use ferroform_core::addr::ModulePath;
    use ferroform_plan::ConfigNode;

    use super::*;

    /// Steps as `name: those before it`; names of evaluations begin with `e`, all others are operations.
    fn nodes(graph: &str) -> Vec<ExecNode> {
        let lines = || graph.lines().map(str::trim).filter(|line| !line.is_empty());
        let names: Vec<&str> = lines().map(|line| line.split(':').next().unwrap()).collect();
        let number = |name: &str| names.iter().position(|known| *known == name).unwrap();
        let node = |line: &str| {
            let (name, after) = line.split_once(':').unwrap();
            let step = match name.strip_prefix('e') {
                Some(_) => Step::Evaluate(ConfigNode::Local(ModulePath::root(), name.into())),
                None => Step::Apply(number(name)),
            };
            ExecNode { step, after: after.split_whitespace().map(|name| number(name) as StepId).collect() }
        };
        lines().map(node).collect()
    }

    /// Walks a graph with so many places for operations; whatever runs ends in the order in which it began. Gives what
    /// began, a word for each time that nothing more could, and how many operations were not done.
    #[track_caller]
    fn check(graph: &str, places: usize, failing: &str, expected: &str, not_done: usize) {
        let nodes = nodes(graph);
        let names: Vec<&str> =
            graph.lines().map(str::trim).filter_map(|line| Some(line.split_once(':')?.0)).collect();
        let mut schedule = Schedule::new(&nodes);
        let mut running = std::collections::VecDeque::new();
        let mut words: Vec<String> = Vec::new();
        loop {
            let mut begun = Vec::new();
            while let Some(id) = schedule.begin_next(running.len() < places) {
                begun.push(names[id as usize]);
                if is_operation(&nodes[id as usize]) {
                    running.push_back(id);
                } else {
                    schedule.end(id, names[id as usize] != failing);
                }
            }
            words.push(begun.join(","));
            let Some(id) = running.pop_front() else { break };
            schedule.end(id, names[id as usize] != failing);
        }
        assert_eq!(words.join(" ").trim(), expected);
        assert_eq!(schedule.not_done(), not_done);
    }

    #[test]
    fn the_start_of_the_longest_chain_is_first_and_then_the_order_of_the_graph() {
        let graph = "a:\n b:\n c: b\n d: c\n e1: d";
        check(graph, 1, "", "b c a d e1", 0);
        check(graph, 9, "", "b,a c  d e1", 0);
    }

    #[test]
    fn evaluation_goes_on_while_there_is_no_room_for_operations() {
        let graph = "a:\n b:\n e1:\n e2: e1\n c: e2";
        check(graph, 1, "", "e1,e2,a b c", 0);
        check(graph, 0, "", "e1,e2", 3);
    }

    #[test]
    fn what_waits_for_a_failure_is_never_begun_and_the_rest_is() {
        let graph = "a:\n b: a\n e1: b\n c: e1\n d:\n f: d a";
        check(graph, 2, "", "a,d b f e1,c", 0);
        check(graph, 2, "a", "a,d", 4);
        check(graph, 2, "e1", "a,d b f e1", 1);
    }
}
