//! The app's handlers, called in the order of their registration.

use std::{
    any::{Any, TypeId},
    cell::{Cell, RefCell},
    fmt,
    rc::{Rc, Weak},
};

use super::{
    event::{AnyEvent, Event, EventType},
    state::StateInfo,
    status::Status,
};

/// A handler's registration: dropping it removes the handler.
#[must_use = "dropping it removes the handler at once; `forget` keeps it for the life of the client"]
pub struct Subscription {
    off: Option<Box<dyn FnOnce()>>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subscription")
    }
}

impl Subscription {
    /// Keeps the handler until the client is closed or its last handle is dropped.
    pub fn forget(mut self) {
        self.off = None;
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(off) = self.off.take() {
            off();
        }
    }
}

type RunEvent = Box<dyn FnMut(&dyn Any)>;
type RunBatch = Box<dyn FnMut(&[AnyEvent])>;
type RunState<S> = Box<dyn FnMut(&S, &StateInfo)>;
type RunStatus = Box<dyn FnMut(&Status)>;

/// What a handler hears.
pub(crate) enum Handler<S> {
    Event {
        event_type: &'static str,
        rust_type: TypeId,
        read: fn(&AnyEvent) -> Option<Box<dyn Any>>,
        run: RunEvent,
    },
    Batch(RunBatch),
    State(RunState<S>),
    Status(RunStatus),
}

impl<S> Handler<S> {
    pub(crate) fn of_event<E: EventType>(mut handler: impl FnMut(&Event<E>) + 'static) -> Self {
        Self::Event {
            event_type: E::TYPE,
            rust_type: TypeId::of::<E>(),
            read: AnyEvent::get_any::<E>,
            run: Box::new(move |event| {
                if let Some(event) = event.downcast_ref() {
                    handler(event);
                }
            }),
        }
    }
}

struct Registration<S> {
    /// Calls are never nested, so that a handler is not borrowed when it is called.
    handler: RefCell<Handler<S>>,
    removed: Cell<bool>,
}

/// Replaced when it changes while it is gone through: a handler that is added does not hear of what is under way.
type List<S> = RefCell<Rc<Vec<Rc<Registration<S>>>>>;

pub(crate) struct Handlers<S> {
    list: Rc<List<S>>,
}

impl<S: 'static> Handlers<S> {
    pub(crate) fn new() -> Self {
        Self {
            list: Rc::default(),
        }
    }

    pub(crate) fn add(&self, handler: Handler<S>) -> Subscription {
        let registration = Rc::new(Registration {
            handler: RefCell::new(handler),
            removed: Cell::new(false),
        });
        change(&self.list, |list| list.push(Rc::clone(&registration)));
        let (list, registration) = (Rc::downgrade(&self.list), Rc::downgrade(&registration));
        Subscription {
            off: Some(Box::new(move || remove(&list, &registration))),
        }
    }

    pub(crate) fn clear(&self) {
        for registration in self.list.take().iter() {
            registration.removed.set(true);
        }
    }

    pub(crate) fn deliver(&self, events: &[AnyEvent]) {
        self.each(|handler| {
            if let Handler::Batch(run) = handler {
                run(events);
            }
        });
        for event in events {
            // Read once for all handlers of one Rust type.
            let mut read_as: Vec<(TypeId, Option<Box<dyn Any>>)> = Vec::new();
            self.each(|handler| {
                let Handler::Event {
                    event_type,
                    rust_type,
                    read,
                    run,
                } = handler
                else {
                    return;
                };
                if *event_type != event.event_type() {
                    return;
                }
                let known = read_as.iter().position(|(known, _)| known == rust_type);
                let index = known.unwrap_or_else(|| {
                    read_as.push((*rust_type, read(event)));
                    read_as.len() - 1
                });
                if let Some(event) = &read_as[index].1 {
                    run(&**event);
                }
            });
        }
    }

    pub(crate) fn state(&self, state: &S, info: &StateInfo) {
        self.each(|handler| {
            if let Handler::State(run) = handler {
                run(state, info);
            }
        });
    }

    pub(crate) fn status(&self, status: &Status) {
        self.each(|handler| {
            if let Handler::Status(run) = handler {
                run(status);
            }
        });
    }

    /// Those that are there now, without those that one of them removes.
    fn each(&self, mut call: impl FnMut(&mut Handler<S>)) {
        let registrations = Rc::clone(&self.list.borrow());
        for registration in registrations.iter() {
            if !registration.removed.get() {
                call(&mut registration.handler.borrow_mut());
            }
        }
    }
}

fn change<S>(list: &List<S>, change: impl FnOnce(&mut Vec<Rc<Registration<S>>>)) {
    change(Rc::make_mut(&mut list.borrow_mut()));
}

fn remove<S>(list: &Weak<List<S>>, registration: &Weak<Registration<S>>) {
    let (Some(list), Some(registration)) = (list.upgrade(), registration.upgrade()) else {
        return;
    };
    registration.removed.set(true);
    change(&list, |list| {
        list.retain(|other| !Rc::ptr_eq(other, &registration));
    });
}
