//! One call, from its arrival to its answer.

use std::rc::Rc;

use model::audit::{Asker, Record};
use supervisor::input::Request;
use wire::value::{MethodCall, Value};

use crate::audit::Deed;
use crate::batch::Batch;
use crate::begin::{self, Begun};
use crate::call::{Chore, Context, Interface, Outcome, Refusal};
use crate::shape::Shape;

/// What a call needs next.
#[derive(Debug)]
pub enum Next {
    /// Nothing: this is its answer. The session is over.
    Done(Result<Value, Refusal>),
    /// The machine's answer to this. Before a [`Request::Start`] is passed on, its `obstacle` is to be
    /// filled by a look at the program file; before a [`Request::Update`], its `configured` from the
    /// configuration, or the call is to be settled by `CANT_REREAD` and where the mistake is.
    Ask(Request),
    /// Something done in the world.
    Chore(Chore),
    /// To go on, after others have had their turn: one call of many is done. Without this, a multicall of
    /// thousands would keep everybody waiting until its end.
    Turn,
}

#[derive(Debug)]
enum State {
    Fresh(MethodCall),
    Given(Result<Value, Refusal>),
    Waiting(Shape),
    Settled(Shape, Outcome),
    Over,
}

/// One call, from its arrival to its answer.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// The calls of a multicall, and their answers so far.
    batch: Option<Batch>,
    asker: Rc<Asker>,
    interface: Interface,
    /// What is being done, if it changes anything.
    deed: Option<Deed>,
    records: Vec<Record>,
}

impl Session {
    /// A call of somebody that has just arrived.
    pub fn new(call: MethodCall, interface: Interface, asker: Rc<Asker>) -> Self {
        Self { state: State::Fresh(call), batch: None, asker, interface, deed: None, records: Vec::new() }
    }

    /// What was done, or asked for and refused, since this was asked last. To be asked after each
    /// [`Session::advance`].
    pub fn take_records(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.records)
    }

    /// Goes on as far as it can. To be called once after [`Session::new`], once after each
    /// [`Session::settle`], and again after each [`Next::Turn`].
    pub fn advance(&mut self, context: &Context<'_>) -> Next {
        loop {
            let result = match std::mem::replace(&mut self.state, State::Over) {
                State::Fresh(call) => match self.begin(call, context) {
                    Err(refusal) => Err(refusal),
                    Ok(Begun::Done(value)) => Ok(value),
                    Ok(Begun::Ask(request, shape)) => {
                        self.state = State::Waiting(shape);
                        return Next::Ask(request);
                    }
                    Ok(Begun::Chore(chore, shape)) => {
                        self.state = State::Waiting(shape);
                        return Next::Chore(chore);
                    }
                    Ok(Begun::Calls(calls)) => {
                        self.batch = Some(Batch::new(calls));
                        match self.pull() {
                            Some(value) => return Next::Done(Ok(value)),
                            None => continue,
                        }
                    }
                },
                State::Given(result) => result,
                State::Settled(Shape::First(next), Outcome::Answered(Ok(_))) => {
                    self.state = State::Waiting(Shape::Results);
                    return Next::Ask(*next);
                }
                State::Settled(shape, outcome) => shape.answer(outcome, context),
                State::Waiting(_) | State::Over => Err(Refusal::Internal("nothing to go on from".to_owned())),
            };
            if let Some(deed) = self.deed.take() {
                self.records.extend(deed.settled(&self.asker, context.now.wall, &result));
            }
            let Some(batch) = &mut self.batch else { return Next::Done(result) };
            batch.record(result);
            return match self.pull() {
                Some(value) => Next::Done(Ok(value)),
                None => Next::Turn,
            };
        }
    }

    fn begin(&mut self, call: MethodCall, context: &Context<'_>) -> Result<Begun, Refusal> {
        self.deed = Deed::of(&call);
        begin::begin(call, self.interface, &self.asker, context)
    }

    /// Takes the outcome of what it needed. Ignored when it needed nothing.
    pub fn settle(&mut self, outcome: Outcome) {
        self.state = match std::mem::replace(&mut self.state, State::Over) {
            State::Waiting(shape) => State::Settled(shape, outcome),
            other @ (State::Fresh(_) | State::Given(_) | State::Settled(..) | State::Over) => other,
        };
    }

    /// Turns to the next call of the batch; when none is left, the answer to the whole of it.
    fn pull(&mut self) -> Option<Value> {
        let batch = self.batch.as_mut()?;
        match batch.pull() {
            Some(Ok(call)) => self.state = State::Fresh(call),
            Some(Err(refusal)) => self.state = State::Given(Err(refusal)),
            None => return Some(batch.finish()),
        }
        None
    }
}
