//! The machine: what happens to a thousand processes.

use std::time::Duration;

use anyhow::{Result, ensure};
use model::child::ChildId;
use model::event::Event;
use model::exit::ExitStatus;
use model::time::{Mono, Stamp, Wall};
use supervisor::effect::{Effect, Effects};
use supervisor::input::Input;
use supervisor::supervisor::Supervisor;

use crate::{Work, configuration};

const PROCESSES: usize = 1000;

/// A machine whose world does at once what it is asked for, and its clock.
pub(crate) struct World {
    pub(crate) machine: Supervisor,
    effects: Effects,
    seconds: u64,
}

impl World {
    /// A machine with so many processes, all of them running.
    pub(crate) fn running(count: usize, more: &str) -> Result<Self> {
        let machine = Supervisor::new(ChildId(1));
        let mut world = Self { machine, effects: Effects::default(), seconds: 1000 };
        let groups = configuration::groups(count, more)?;
        let children = world.step(Input::Begin { groups, tape: 0 });
        world.born(&children);
        world.seconds += 10;
        world.step(Input::Due);
        let up = world.machine.all_info(world.now()).iter().filter(|it| it.pid.is_some()).count();
        ensure!(up >= count, "{up} of {count} run");
        Ok(world)
    }

    pub(crate) fn now(&self) -> Stamp {
        let wall = Wall::from_seconds(i64::try_from(self.seconds).unwrap_or(0));
        Stamp { mono: Mono(Duration::from_secs(self.seconds)), wall }
    }

    /// Tells one thing; the children that are asked for in return.
    fn step(&mut self, input: Input) -> Vec<ChildId> {
        let now = self.now();
        self.machine.step(now, input, &mut self.effects);
        let spawned = |effect| if let Effect::Spawn { child, .. } = effect { Some(child) } else { None };
        self.effects.drain().filter_map(spawned).collect()
    }

    fn born(&mut self, children: &[ChildId]) {
        for (child, pid) in children.iter().zip(100..) {
            self.step(Input::Spawned { child: *child, pid });
        }
    }
}

/// Every process ends, is started again, and is up: four inputs each, of which the last comes for all at once.
pub(crate) fn lives() -> Result<Work> {
    let mut world = World::running(PROCESSES, "")?;
    let mut living: Vec<ChildId> = children(&world);
    Ok(Box::new(move || {
        let mut next = Vec::with_capacity(living.len());
        for child in living.drain(..) {
            let (status, at) = (ExitStatus::from_wait(9), world.now().mono);
            next.extend(world.step(Input::Exited { child, status, at, setup: None, survivors: Vec::new() }));
        }
        world.born(&next);
        world.seconds += 10;
        world.step(Input::Due);
        living = next;
        living.len()
    }))
}

fn children(world: &World) -> Vec<ChildId> {
    let all = world.machine.all_info(world.now());
    all.iter().filter_map(|it| world.machine.child_of(&it.name)).map(|(child, _)| child).collect()
}

/// What clients may know of every process.
pub(crate) fn snapshot() -> Result<Work> {
    let world = World::running(PROCESSES, "")?;
    Ok(Box::new(move || world.machine.all_info(world.now()).len()))
}

/// A thousand events for ten pools of which each wants every one, and none reads.
pub(crate) fn fan_out() -> Result<Work> {
    let pools = (0..10).map(|number| {
        format!(
            "[eventlistener:l{number}]\ncommand=/bin/cat\nevents=REMOTE_COMMUNICATION\nbuffer_size=100\n\
             stdout_logfile=NONE\n"
        )
    });
    let mut world = World::running(1, &pools.collect::<String>())?;
    Ok(Box::new(move || {
        for _ in 0..1000 {
            let event = Event::RemoteCommunication { kind: "kind".to_owned(), data: "data".to_owned() };
            world.step(Input::Publish(event));
        }
        1000
    }))
}
