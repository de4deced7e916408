//! Random stacks as data, and random changes of them. Configuration and expected world are both made of this.

use std::collections::BTreeMap;

use crate::random::Random;

/// The group that everything else stands on.
pub(super) const BASE: &str = "base";

/// The kinds of resources that stacks are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Network,
    Subnet,
    Route,
    SshKey,
    Firewall,
    PlacementGroup,
    Server,
    ServerNetwork,
    Volume,
    VolumeAttachment,
    FloatingIp,
    FloatingIpAssignment,
    ReverseName,
    PrimaryIp,
    Snapshot,
    Zone,
    RecordSet,
    LoadBalancer,
    BalancerNetwork,
    BalancerService,
    BalancerTarget,
}

impl Kind {
    /// The type of resource.
    pub(super) fn type_name(self) -> &'static str {
        match self {
            Kind::Network => "hcloud_network",
            Kind::Subnet => "hcloud_network_subnet",
            Kind::Route => "hcloud_network_route",
            Kind::SshKey => "hcloud_ssh_key",
            Kind::Firewall => "hcloud_firewall",
            Kind::PlacementGroup => "hcloud_placement_group",
            Kind::Server => "hcloud_server",
            Kind::ServerNetwork => "hcloud_server_network",
            Kind::Volume => "hcloud_volume",
            Kind::VolumeAttachment => "hcloud_volume_attachment",
            Kind::FloatingIp => "hcloud_floating_ip",
            Kind::FloatingIpAssignment => "hcloud_floating_ip_assignment",
            Kind::ReverseName => "hcloud_rdns",
            Kind::PrimaryIp => "hcloud_primary_ip",
            Kind::Snapshot => "hcloud_snapshot",
            Kind::Zone => "hcloud_zone",
            Kind::RecordSet => "hcloud_zone_rrset",
            Kind::LoadBalancer => "hcloud_load_balancer",
            Kind::BalancerNetwork => "hcloud_load_balancer_network",
            Kind::BalancerService => "hcloud_load_balancer_service",
            Kind::BalancerTarget => "hcloud_load_balancer_target",
        }
    }

    /// The kinds of the same group that this one refers to.
    pub(super) fn needs(self) -> &'static [Kind] {
        match self {
            Kind::Subnet | Kind::Route => &[Kind::Network],
            Kind::ServerNetwork | Kind::Snapshot => &[Kind::Server],
            Kind::VolumeAttachment => &[Kind::Volume, Kind::Server],
            Kind::FloatingIpAssignment => &[Kind::FloatingIp, Kind::Server],
            Kind::ReverseName => &[Kind::FloatingIp],
            Kind::RecordSet => &[Kind::Zone],
            Kind::BalancerNetwork | Kind::BalancerService | Kind::BalancerTarget => &[Kind::LoadBalancer],
            _ => &[],
        }
    }

    /// Whether another version changes the object in place.
    fn has_versions(self) -> bool {
        !matches!(
            self,
            Kind::Subnet
                | Kind::Route
                | Kind::ServerNetwork
                | Kind::VolumeAttachment
                | Kind::FloatingIpAssignment
                | Kind::BalancerNetwork
                | Kind::BalancerTarget
        )
    }

    /// Whether another generation replaces the object.
    fn has_generations(self) -> bool {
        matches!(
            self,
            Kind::Network
                | Kind::Subnet
                | Kind::Route
                | Kind::SshKey
                | Kind::Server
                | Kind::Volume
                | Kind::RecordSet
                | Kind::LoadBalancer
        )
    }
}

/// One resource block.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Member {
    /// Part of its name in the configuration.
    pub(super) id: usize,
    pub(super) kind: Kind,
    pub(super) version: usize,
    pub(super) generation: usize,
    /// The new object comes before the old one goes; its name tells the generation then.
    pub(super) new_first: bool,
}

/// How often each block of a group is there.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Keys {
    Single,
    Count(usize),
    Each(Vec<String>),
}

impl Keys {
    /// What tells the instances apart in the names of objects.
    pub(super) fn names(&self) -> Vec<String> {
        match self {
            // The same as the first of several: a block that gains or loses `count` keeps its object.
            Keys::Single => vec!["0".to_owned()],
            Keys::Count(n) => (0..*n).map(|i| i.to_string()).collect(),
            Keys::Each(keys) => keys.clone(),
        }
    }

    /// The key as an address has it.
    pub(super) fn index(&self, name: &str) -> String {
        match self {
            Keys::Single => String::new(),
            Keys::Count(_) => format!("[{name}]"),
            Keys::Each(_) => format!("[\"{name}\"]"),
        }
    }
}

/// Where the blocks of a group are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place {
    /// In the root module.
    Root,
    /// In a module that is called once; the blocks have the keys.
    Module,
    /// In a module whose call has the keys.
    ModuleEach,
}

/// Blocks with the same keys that refer to each other.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Group {
    /// Part of the names of objects; never changes.
    pub(super) id: String,
    pub(super) place: Place,
    pub(super) keys: Keys,
    pub(super) members: Vec<Member>,
    /// Its servers are in the placement group. That never changes: servers that run cannot join one.
    pub(super) spread: bool,
}

impl Group {
    pub(super) fn member(&self, kind: Kind) -> Option<&Member> {
        self.members.iter().find(|member| member.kind == kind)
    }

    fn add(&mut self, kind: Kind) {
        let id = self.members.iter().map(|member| member.id + 1).max().unwrap_or(0);
        self.members.push(Member { id, kind, version: 0, generation: 0, new_first: false });
    }

    /// Adds a kind with what it needs, unless it is there.
    fn ensure(&mut self, kind: Kind) {
        if self.member(kind).is_none() {
            kind.needs().iter().for_each(|needed| self.ensure(*needed));
            self.add(kind);
        }
    }

    pub(super) fn instances(&self) -> usize {
        self.members.len() * self.keys.names().len()
    }

    /// The name in the configuration of a block of this group.
    pub(super) fn block_name(&self, member: &Member) -> String {
        match self.place {
            Place::Root => format!("{}_{}", self.id, member.id),
            Place::Module | Place::ModuleEach => format!("r{}", member.id),
        }
    }

    /// The address of an instance as the state has it.
    pub(super) fn address(&self, member: &Member, key: &str) -> String {
        let index = self.keys.index(key);
        let block = format!("{}.{}", member.kind.type_name(), self.block_name(member));
        match self.place {
            Place::Root => format!("{block}{index}"),
            Place::Module => format!("module.{}.{block}{index}", self.id),
            Place::ModuleEach => format!("module.{}{index}.{block}", self.id),
        }
    }

    /// The name of an object.
    pub(super) fn object_name(&self, member: &Member, key: &str) -> String {
        // What is needed by something whose new object comes first is made first as well: a key by such a server.
        let twice = member.new_first || member.kind == Kind::SshKey;
        let generation = if twice { format!("-{}", member.generation) } else { String::new() };
        let short = member.kind.type_name().trim_start_matches("hcloud_").replace('_', "-");
        let name = format!("{}-{short}-{key}{generation}", self.id);
        // Zones are domains right below a public suffix.
        if member.kind == Kind::Zone { format!("{name}.com") } else { name }
    }
}

/// What one configuration declares.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stack {
    pub(super) groups: Vec<Group>,
    /// How many groups there ever were.
    made: usize,
    /// Whether there ever was a group whose servers are spread.
    spread: bool,
}

/// How many instances are to be made, changed in place and removed.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub(super) struct Work {
    pub(super) created: usize,
    pub(super) changed: usize,
    pub(super) removed: usize,
}

impl Work {
    pub(super) fn all(self) -> usize {
        self.created + self.changed + self.removed
    }
}

/// Fewest and most instances of a stack.
const SMALLEST: usize = 10;
const LARGEST: usize = 60;
/// No more than a placement group holds servers, which is ten (Hetzner documentation, "Placement groups").
const NAMES: &[&str] = &["a", "b-1", "c", "d", "f", "g-h"];

impl Stack {
    /// A stack with nothing in it.
    pub(super) fn empty() -> Self {
        Stack { groups: Vec::new(), made: 0, spread: false }
    }

    /// A random stack.
    pub(super) fn random(random: &mut Random) -> Self {
        let mut base = Group {
            id: BASE.to_owned(),
            place: Place::Root,
            keys: Keys::Single,
            members: Vec::new(),
            spread: false,
        };
        for kind in [Kind::Network, Kind::Subnet, Kind::SshKey, Kind::Firewall, Kind::PlacementGroup] {
            base.add(kind);
        }
        let mut stack = Stack { groups: vec![base], made: 0, spread: false };
        let wanted = random.between(SMALLEST, LARGEST);
        // Each round adds at least one instance or is one of the few that would add too many.
        for _ in 0..LARGEST {
            if stack.instances() >= wanted {
                break;
            }
            stack.add_group(random);
        }
        stack
    }

    pub(super) fn instances(&self) -> usize {
        self.groups.iter().map(Group::instances).sum()
    }

    pub(super) fn base(&self) -> Option<&Group> {
        self.groups.iter().find(|group| group.id == BASE)
    }

    /// Every instance with its address, in no particular order.
    pub(super) fn addresses(&self) -> Vec<String> {
        let of_group = |group: &Group| {
            let pairs = |member: &Member| {
                let names = group.keys.names();
                names.iter().map(|key| group.address(member, key)).collect::<Vec<_>>()
            };
            group.members.iter().flat_map(pairs).collect::<Vec<_>>()
        };
        self.groups.iter().flat_map(of_group).collect()
    }

    /// Whether there is a block whose new object comes before the old one goes. If one of its objects fails to be made
    /// and has to be replaced, that cannot be: both would have the same name, as with Terraform.
    pub(super) fn has_new_first(&self) -> bool {
        self.groups.iter().any(|group| group.members.iter().any(|member| member.new_first))
    }

    /// What is to be done to come from another stack to this one, by the configuration alone. Blocks that follow others
    /// (an attachment of a server that is replaced) are not counted, so there may be more.
    pub(super) fn work_from(&self, before: &Stack) -> Work {
        let (old, new) = (before.blocks(), self.blocks());
        let mut work = Work::default();
        for (address, (_, version, generation)) in &new {
            match old.get(address) {
                None => work.created += 1,
                Some((_, _, other)) if other != generation => {
                    work.created += 1;
                    work.removed += 1;
                }
                Some((_, other, _)) => work.changed += usize::from(other != version),
            }
        }
        work.removed += old.keys().filter(|address| !new.contains_key(*address)).count();
        work
    }

    /// Kind, version and generation of every instance, by group, block and key: as a moved object keeps them.
    fn blocks(&self) -> BTreeMap<(String, usize, String), (Kind, usize, usize)> {
        let mut blocks = BTreeMap::new();
        for group in &self.groups {
            for member in &group.members {
                for key in group.keys.names() {
                    let what = (member.kind, member.version, member.generation);
                    blocks.insert((group.id.clone(), member.id, key), what);
                }
            }
        }
        blocks
    }

    fn add_group(&mut self, random: &mut Random) {
        let keys = match random.below(3) {
            0 => Keys::Single,
            1 => Keys::Count(random.between(1, 5)),
            _ => {
                let all = NAMES.iter().filter(|_| random.percent(60)).map(|name| (*name).to_owned());
                let some: Vec<String> = all.collect();
                if some.is_empty() { Keys::Single } else { Keys::Each(some) }
            }
        };
        let place = match (random.below(4), &keys) {
            (0 | 1, _) => Place::Root,
            (3, Keys::Each(_)) => Place::ModuleEach,
            _ => Place::Module,
        };
        let id = format!("g{}", self.made);
        self.made += 1;
        let mut group = Group { id, place, keys, members: Vec::new(), spread: false };
        match random.below(7) {
            0..=2 => {
                for kind in [
                    Kind::PrimaryIp,
                    Kind::ServerNetwork,
                    Kind::VolumeAttachment,
                    Kind::FloatingIpAssignment,
                    Kind::ReverseName,
                    Kind::Snapshot,
                ] {
                    if random.percent(40) {
                        group.ensure(kind);
                    }
                }
                group.ensure(Kind::Server);
                // Its primary IP belongs to one server at a time.
                let alone = group.member(Kind::PrimaryIp).is_none() && random.percent(30);
                group.members.iter_mut().filter(|m| m.kind == Kind::Server).for_each(|m| m.new_first = alone);
            }
            3 => {
                group.ensure(Kind::Zone);
                for _ in 0..random.between(1, 3) {
                    group.add(Kind::RecordSet);
                }
            }
            4 => {
                group.ensure(Kind::LoadBalancer);
                for kind in [Kind::BalancerNetwork, Kind::BalancerService, Kind::BalancerTarget] {
                    if random.percent(70) {
                        group.ensure(kind);
                    }
                }
            }
            _ => {
                for kind in
                    [Kind::Volume, Kind::FloatingIp, Kind::Firewall, Kind::Network, Kind::PlacementGroup]
                {
                    if random.percent(35) {
                        group.ensure(kind);
                    }
                }
                if group.member(Kind::Network).is_some() && random.percent(70) {
                    group.ensure(Kind::Route);
                }
                group.ensure(Kind::Volume);
            }
        }
        if self.instances() + group.instances() <= LARGEST {
            // The placement group holds the servers of one group, and not each of them twice.
            group.spread = !self.spread && group.member(Kind::Server).is_some_and(|server| !server.new_first);
            self.spread |= group.spread;
            self.groups.push(group);
        }
    }

    /// Changes a few things at random; what was done, for people.
    pub(super) fn change(&mut self, random: &mut Random) -> Vec<String> {
        let mut done = Vec::new();
        for _ in 0..random.between(1, 6) {
            let at = random.below(self.groups.len());
            done.extend(match random.below(8) {
                0..=1 => self.update(at, random),
                2..=3 => self.replace(at, random),
                4 => self.remove(at, random),
                5 => self.resize(at, random),
                6 => self.move_group(at, random),
                _ => {
                    let before = self.groups.len();
                    self.add_group(random);
                    self.groups.get(before).map(|group| format!("add {}", group.id))
                }
            });
        }
        done
    }

    fn update(&mut self, at: usize, random: &mut Random) -> Option<String> {
        let group = self.groups.get_mut(at)?;
        let fit: Vec<usize> =
            (0..group.members.len()).filter(|i| group.members[*i].kind.has_versions()).collect();
        let member = group.members.get_mut(*random.pick(&fit)?)?;
        member.version += 1;
        Some(format!("update {} of {}", member.kind.type_name(), group.id))
    }

    fn replace(&mut self, at: usize, random: &mut Random) -> Option<String> {
        let group = self.groups.get_mut(at)?;
        let fit: Vec<usize> =
            (0..group.members.len()).filter(|i| group.members[*i].kind.has_generations()).collect();
        let member = group.members.get_mut(*random.pick(&fit)?)?;
        member.generation += 1;
        let (kind, done) = (member.kind, format!("replace {} of {}", member.kind.type_name(), group.id));
        if kind == Kind::SshKey {
            // Servers are replaced with it; those of which the new one comes first need another name for that.
            let members = self.groups.iter_mut().flat_map(|group| &mut group.members);
            members.filter(|member| member.new_first).for_each(|member| member.generation += 1);
        }
        Some(done)
    }

    /// Removes a block that nothing needs, or a whole group.
    fn remove(&mut self, at: usize, random: &mut Random) -> Option<String> {
        let group = self.groups.get_mut(at).filter(|group| group.id != BASE)?;
        let needed: Vec<Kind> = group.members.iter().flat_map(|m| m.kind.needs()).copied().collect();
        let fit: Vec<usize> =
            (0..group.members.len()).filter(|i| !needed.contains(&group.members[*i].kind)).collect();
        if group.members.len() > 1 && random.percent(60) {
            let member = group.members.remove(*random.pick(&fit)?);
            return Some(format!("remove {} of {}", member.kind.type_name(), group.id));
        }
        let group = self.groups.remove(at);
        Some(format!("remove {}", group.id))
    }

    /// Adds or takes away an instance.
    fn resize(&mut self, at: usize, random: &mut Random) -> Option<String> {
        let room = self.instances() + self.groups.get(at)?.members.len() <= LARGEST;
        let group = self.groups.get_mut(at)?;
        match &mut group.keys {
            Keys::Single => return None,
            Keys::Count(n) if *n > 1 && random.percent(50) => *n -= 1,
            Keys::Count(n) if room => *n = (*n + 1).min(NAMES.len()),
            Keys::Count(_) => return None,
            Keys::Each(keys) => {
                let name = (*random.pick(NAMES)?).to_owned();
                match keys.iter().position(|key| *key == name) {
                    Some(at) if keys.len() > 1 => drop(keys.remove(at)),
                    None if room => keys.push(name),
                    _ => return None,
                }
                keys.sort();
            }
        }
        Some(format!("{} now has {:?}", group.id, group.keys))
    }

    /// Gives the only instance of each block a number, or makes number 0 the only one: the same object then has
    /// another address.
    fn move_group(&mut self, at: usize, random: &mut Random) -> Option<String> {
        let room = self.instances() + 2 * self.groups.get(at)?.members.len() <= LARGEST;
        let group = self.groups.get_mut(at)?;
        group.keys = match group.keys {
            Keys::Single if group.id != BASE => Keys::Count(random.between(1, if room { 3 } else { 1 })),
            Keys::Count(_) => Keys::Single,
            _ => return None,
        };
        Some(format!("move {}: {:?}", group.id, group.keys))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn stacks_have_their_size_and_addresses_of_their_own() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut stack = Stack::random(&mut random);
            for _ in 0..3 {
                let addresses = stack.addresses();
                assert_eq!(addresses.len(), stack.instances(), "seed {seed}");
                assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), addresses.len(), "seed {seed}");
                stack.change(&mut random);
            }
        }
        let sizes: Vec<usize> = (0..200).map(|s| Stack::random(&mut Random::new(s)).instances()).collect();
        assert!(sizes.iter().all(|n| (8..=LARGEST).contains(n)), "{sizes:?}");
        assert!(sizes.iter().any(|n| *n < 20) && sizes.iter().any(|n| *n > 50), "{sizes:?}");
    }

    #[test]
    fn the_work_of_a_change_is_what_differs() {
        let stack = Stack::random(&mut Random::new(1));
        let all = stack.instances();
        assert_eq!(stack.work_from(&stack), Work::default());
        assert_eq!(stack.work_from(&Stack::empty()), Work { created: all, ..Work::default() });
        assert_eq!(Stack::empty().work_from(&stack), Work { removed: all, ..Work::default() });
        let mut changed = stack.clone();
        changed.groups[0].members[0].version += 1;
        changed.groups[0].members[2].generation += 1;
        assert_eq!(changed.work_from(&stack), Work { created: 1, changed: 1, removed: 1 });
    }

    #[test]
    fn whatever_a_block_needs_is_in_its_group() {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut stack = Stack::random(&mut random);
            for _ in 0..4 {
                for group in &stack.groups {
                    for kind in group.members.iter().flat_map(|m| m.kind.needs()) {
                        assert!(group.member(*kind).is_some(), "seed {seed}: {} lacks {kind:?}", group.id);
                    }
                }
                stack.change(&mut random);
            }
        }
    }

    #[test]
    fn every_kind_and_every_sort_of_change_comes_up() {
        let (mut kinds, mut sorts) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..100 {
            let mut random = Random::new(seed);
            let mut stack = Stack::random(&mut random);
            kinds.extend(stack.groups.iter().flat_map(|g| g.members.iter().map(|m| m.kind)));
            let done = stack.change(&mut random);
            sorts.extend(done.iter().filter_map(|text| Some(text.split(' ').next()?.to_owned())));
        }
        assert_eq!(kinds.len(), 21, "{kinds:?}");
        let wanted = ["add", "move", "remove", "replace", "update"];
        assert!(wanted.iter().all(|sort| sorts.contains(*sort)), "{sorts:?}");
    }
}
