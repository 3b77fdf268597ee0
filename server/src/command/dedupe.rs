//! What has become of the commands of late: the same one takes effect once, however often it is sent.
//!
//! Time is an argument. A record is kept until the command's deadline plus a minute; a copy that comes later finds its deadline
//! over, so nothing that names one runs twice. What became of it is not known then, and that is the answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use tabwire_protocol::{Command, Epoch, Executed, Millis, NackCode, Position, RawJson, UserId};

/// The deadline of a command that names none, after its arrival.
pub const DEADLINE_DEFAULT: Millis = Millis(60_000);
/// The furthest deadline, after the command's arrival.
pub const DEADLINE_MAX: Millis = Millis(5 * 60_000);
/// How long after its deadline a command is remembered.
pub const KEPT_AFTER_DEADLINE: Millis = Millis(60_000);
/// The longest command id, in bytes.
pub const COMMAND_ID_BYTES_MAX: usize = 128;

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It was done.
    Done {
        /// The event it became.
        event: Option<(Epoch, Position)>,
        /// What the app's back end answered.
        result: Option<RawJson>,
    },
    /// It was not done, or nobody knows.
    Failed {
        /// Why.
        code: NackCode,
        /// Whether it took effect.
        executed: Executed,
        /// For people.
        message: String,
    },
}

impl Outcome {
    /// A command that did not take effect and will not.
    pub fn refused(code: NackCode, message: impl Into<String>) -> Self {
        Self::Failed {
            code,
            executed: Executed::No,
            message: message.into(),
        }
    }
}

/// What to do with a command that has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Admission {
    /// Run it, then [`Dedupe::settle`] or [`Dedupe::forget`] it.
    Run,
    /// It is running: another connection of the user sent it. Ask again when it has been settled.
    Running,
    /// Nothing is to be run: this is the answer.
    Answer(Outcome),
}

/// The records of all users.
#[derive(Debug)]
pub struct Dedupe {
    users: BTreeMap<UserId, BTreeMap<String, Record>>,
    /// When each record ends.
    ends: BTreeSet<(Millis, UserId, String)>,
    /// The most records of one user.
    user_records_max: usize,
    /// The most records.
    records_max: usize,
}

#[derive(Debug)]
struct Record {
    body: u64,
    /// None while it runs.
    outcome: Option<Outcome>,
    ends: Millis,
}

impl Dedupe {
    /// No records yet.
    pub const fn new(user_records_max: usize, records_max: usize) -> Self {
        Self {
            users: BTreeMap::new(),
            ends: BTreeSet::new(),
            user_records_max,
            records_max,
        }
    }

    /// Says what to do with a command, and remembers it if it is to be run.
    pub fn admit(&mut self, now: Millis, user: &UserId, command: &Command) -> Admission {
        self.expire(now);
        if command.id.is_empty() || command.id.len() > COMMAND_ID_BYTES_MAX {
            return refuse(NackCode::Invalid, "id: 1 to 128 bytes");
        }
        let body = fingerprint(command);
        let records = self.users.get(user);
        if let Some(record) = records.and_then(|records| records.get(&command.id)) {
            return match &record.outcome {
                _ if record.body != body => {
                    refuse(NackCode::Conflict, "id: it was used with another body")
                }
                Some(outcome) => Admission::Answer(outcome.clone()),
                None => Admission::Running,
            };
        }
        let deadline = command
            .deadline
            .unwrap_or_else(|| now.plus(DEADLINE_DEFAULT));
        if deadline < now {
            // When its record would have ended too, it may have been run.
            let executed = if deadline.plus(KEPT_AFTER_DEADLINE) > now {
                Executed::No
            } else {
                Executed::Unknown
            };
            return Admission::Answer(Outcome::Failed {
                code: NackCode::Expired,
                executed,
                message: "deadline: it is over".to_owned(),
            });
        }
        if deadline > now.plus(DEADLINE_MAX) {
            return refuse(NackCode::Invalid, "deadline: at most 5 minutes ahead");
        }
        if records.map_or(0, BTreeMap::len) >= self.user_records_max {
            return refuse(NackCode::RateLimited, "too many commands of this user");
        }
        if self.ends.len() >= self.records_max {
            return refuse(NackCode::RateLimited, "too many commands of all users");
        }
        let ends = deadline.plus(KEPT_AFTER_DEADLINE);
        self.ends.insert((ends, user.clone(), command.id.clone()));
        self.users.entry(user.clone()).or_default().insert(
            command.id.clone(),
            Record {
                body,
                outcome: None,
                ends,
            },
        );
        Admission::Run
    }

    /// Records what became of a command that was run: copies of it get the same answer.
    pub fn settle(&mut self, user: &UserId, id: &str, outcome: Outcome) {
        let records = self.users.get_mut(user);
        if let Some(record) = records.and_then(|records| records.get_mut(id)) {
            record.outcome = Some(outcome);
        }
    }

    /// Forgets a command that did not take effect, so that a copy of it is run.
    pub fn forget(&mut self, user: &UserId, id: &str) {
        let Some(records) = self.users.get_mut(user) else {
            return;
        };
        if let Some(record) = records.remove(id) {
            self.ends
                .remove(&(record.ends, user.clone(), id.to_owned()));
        }
        if records.is_empty() {
            self.users.remove(user);
        }
    }

    fn expire(&mut self, now: Millis) {
        while self.ends.first().is_some_and(|(ends, ..)| *ends <= now) {
            let (_, user, id) = self.ends.pop_first().expect("there is a first one");
            self.forget(&user, &id);
        }
    }
}

fn refuse(code: NackCode, message: &str) -> Admission {
    Admission::Answer(Outcome::refused(code, message))
}

/// Tells bodies apart. An id is its user's own, so who finds two bodies with one fingerprint fools nobody else.
fn fingerprint(command: &Command) -> u64 {
    let mut hasher = DefaultHasher::new();
    command.event_type.as_str().hash(&mut hasher);
    command.payload.as_str().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};
    use tabwire_protocol::EventType;

    use super::*;

    const NOW: Millis = Millis(1_730_569_300_000);

    fn command(id: &str, payload: &str) -> Command {
        Command {
            id: id.into(),
            event_type: EventType::new("chat_message").expect("a name"),
            payload: RawJson::new(payload).expect("JSON"),
            deadline: Some(NOW.plus(Millis(10_000))),
        }
    }

    fn user() -> UserId {
        UserId::new("u_101").expect("a name")
    }

    fn done(id: u64) -> Outcome {
        let epoch = Epoch::new("e1").expect("a name");
        Outcome::Done {
            event: Some((epoch, Position::new(id).expect("small"))),
            result: None,
        }
    }

    fn refused(admission: Admission) -> (NackCode, Executed) {
        match admission {
            Admission::Answer(Outcome::Failed { code, executed, .. }) => (code, executed),
            other => panic!("not refused: {other:?}"),
        }
    }

    fn code(admission: Admission) -> NackCode {
        let (code, executed) = refused(admission);
        assert_eq!(executed, Executed::No);
        code
    }

    /// How many commands are remembered: by their users and by their ends alike, with no user kept who has none.
    fn remembered(dedupe: &Dedupe) -> usize {
        let mut ends = BTreeSet::new();
        for (user, records) in &dedupe.users {
            assert!(!records.is_empty(), "{user} is kept for nothing");
            for (id, record) in records {
                ends.insert((record.ends, user.clone(), id.clone()));
            }
        }
        assert_eq!(ends, dedupe.ends);
        ends.len()
    }

    #[test]
    fn the_same_command_is_run_once_and_answered_alike() {
        let mut dedupe = Dedupe::new(10, 10);
        let hola = command("a:1", "{}");
        assert_eq!(dedupe.admit(NOW, &user(), &hola), Admission::Run);
        assert_eq!(dedupe.admit(NOW, &user(), &hola), Admission::Running);
        dedupe.settle(&user(), "a:1", done(7));
        assert_eq!(
            dedupe.admit(NOW, &user(), &hola),
            Admission::Answer(done(7))
        );
        let other = UserId::new("u_102").expect("a name");
        assert_eq!(dedupe.admit(NOW, &other, &hola), Admission::Run);
    }

    #[test]
    fn the_same_id_with_another_body_is_a_conflict() {
        let mut dedupe = Dedupe::new(10, 10);
        dedupe.admit(NOW, &user(), &command("a:1", "{}"));
        let admission = dedupe.admit(NOW, &user(), &command("a:1", "[]"));
        assert_eq!(code(admission), NackCode::Conflict);
    }

    #[test]
    fn a_record_ends_a_minute_after_the_deadline_and_then_the_command_is_expired() {
        let mut dedupe = Dedupe::new(10, 10);
        let hola = command("a:1", "{}");
        dedupe.admit(NOW, &user(), &hola);
        dedupe.settle(&user(), "a:1", done(7));
        let kept = NOW.plus(Millis(69_999));
        assert_eq!(
            dedupe.admit(kept, &user(), &hola),
            Admission::Answer(done(7))
        );
        let admission = dedupe.admit(NOW.plus(Millis(70_000)), &user(), &hola);
        assert_eq!(refused(admission), (NackCode::Expired, Executed::Unknown));
        assert_eq!(remembered(&dedupe), 0);
    }

    #[test]
    fn a_deadline_is_kept_to_the_millisecond_and_at_most_five_minutes_ahead() {
        let mut dedupe = Dedupe::new(10, 10);
        let mut hola = command("a:1", "{}");
        hola.deadline = Some(NOW);
        for late in [1, 59_999] {
            let late = dedupe.admit(NOW.plus(Millis(late)), &user(), &hola);
            assert_eq!(code(late), NackCode::Expired);
        }
        assert_eq!(dedupe.admit(NOW, &user(), &hola), Admission::Run);
        let mut far = command("a:2", "{}");
        far.deadline = Some(NOW.plus(Millis(300_001)));
        assert_eq!(code(dedupe.admit(NOW, &user(), &far)), NackCode::Invalid);
        far.deadline = Some(NOW.plus(Millis(300_000)));
        assert_eq!(dedupe.admit(NOW, &user(), &far), Admission::Run);
    }

    #[test]
    fn a_command_without_a_deadline_has_a_minute_from_its_arrival() {
        let mut dedupe = Dedupe::new(10, 10);
        let mut hola = command("a:1", "{}");
        hola.deadline = None;
        assert_eq!(dedupe.admit(NOW, &user(), &hola), Admission::Run);
        let kept = NOW.plus(Millis(119_999));
        assert_eq!(dedupe.admit(kept, &user(), &hola), Admission::Running);
        let over = NOW.plus(Millis(120_000));
        assert_eq!(dedupe.admit(over, &user(), &hola), Admission::Run);
    }

    #[test]
    fn a_forgotten_command_is_run_when_it_comes_again() {
        let mut dedupe = Dedupe::new(10, 10);
        let hola = command("a:1", "{}");
        dedupe.admit(NOW, &user(), &hola);
        dedupe.forget(&user(), "a:1");
        assert_eq!(remembered(&dedupe), 0);
        assert_eq!(dedupe.admit(NOW, &user(), &hola), Admission::Run);
    }

    #[test]
    fn the_records_of_a_user_and_of_all_have_a_limit() {
        let mut dedupe = Dedupe::new(2, 3);
        let other = UserId::new("u_102").expect("a name");
        let mut admit = |user: &UserId, id| dedupe.admit(NOW, user, &command(id, "{}"));
        assert_eq!(admit(&user(), "a:1"), Admission::Run);
        assert_eq!(admit(&user(), "a:2"), Admission::Run);
        assert_eq!(code(admit(&user(), "a:3")), NackCode::RateLimited);
        assert_eq!(admit(&other, "b:1"), Admission::Run);
        assert_eq!(code(admit(&other, "b:2")), NackCode::RateLimited);
        // Those that are known are answered all the same.
        assert_eq!(admit(&other, "b:1"), Admission::Running);
    }

    #[test]
    fn an_id_has_1_to_128_bytes() {
        let mut dedupe = Dedupe::new(10, 10);
        for (id, good) in [
            ("", false),
            (&"x".repeat(128), true),
            (&"x".repeat(129), false),
        ] {
            let admission = dedupe.admit(NOW, &user(), &command(id, "{}"));
            assert_eq!(admission == Admission::Run, good, "{} bytes", id.len());
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Admit(UserId, Command),
        Settle(UserId, String, Outcome),
        Forget(UserId, String),
        Wait(Millis),
    }

    fn name() -> impl Strategy<Value = (UserId, String)> {
        let user = select(vec!["u_101", "u_102"]);
        let user = user.prop_map(|user| UserId::new(user).expect("a name"));
        (user, select(vec!["a:1", "a:2", "a:3"]).prop_map(Into::into))
    }

    /// Around the limits of a deadline and of how long it is remembered.
    fn wait() -> impl Strategy<Value = u64> {
        select(vec![0, 1, 59_999, 60_000, 60_001, 119_999, 120_000])
    }

    /// The deadline is after the start of the run: it may be over, or too far ahead.
    fn asked() -> impl Strategy<Value = Command> {
        let deadline = prop_oneof![wait(), 299_999_u64..300_002, 0_u64..900_000];
        (
            select(vec!["chat_message", "order_created"]),
            select(vec!["{}", "[]"]),
            option::of(deadline),
        )
            .prop_map(|(event_type, payload, deadline)| Command {
                id: String::new(),
                event_type: EventType::new(event_type).expect("a name"),
                payload: RawJson::new(payload).expect("JSON"),
                deadline: deadline.map(|deadline| NOW.plus(Millis(deadline))),
            })
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            6 => (name(), asked()).prop_map(|((user, id), asked)| Step::Admit(user, Command { id, ..asked })),
            2 => (name(), 1_u64..9).prop_map(|((user, id), event)| Step::Settle(user, id, done(event))),
            1 => name().prop_map(|(user, id)| Step::Forget(user, id)),
            2 => wait().prop_map(|wait| Step::Wait(Millis(wait))),
        ]
    }

    /// A command that was run, and what became of it.
    struct Run {
        command: Command,
        ends: Millis,
        outcome: Option<Outcome>,
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against a table that is looked through from end to end: from when a command is run until a minute after its deadline, or
        /// until it is forgotten, it is not run again, whatever comes of it and others. And it is never said not to have been run.
        #[test]
        fn a_command_is_run_when_it_is_in_time_and_new_and_there_is_room(steps in vec(step(), 1..100)) {
            let mut dedupe = Dedupe::new(2, 3);
            let mut runs: BTreeMap<(UserId, String), Run> = BTreeMap::new();
            let mut ever_run: BTreeSet<(UserId, String, Option<Millis>)> = BTreeSet::new();
            let mut now = NOW;
            for step in steps {
                match step {
                    Step::Wait(wait) => now = now.plus(wait),
                    Step::Settle(user, id, outcome) => {
                        dedupe.settle(&user, &id, outcome.clone());
                        if let Some(run) = runs.get_mut(&(user, id)) {
                            run.outcome = Some(outcome);
                        }
                    }
                    Step::Forget(user, id) => {
                        dedupe.forget(&user, &id);
                        if let Some(run) = runs.remove(&(user.clone(), id.clone())) {
                            ever_run.remove(&(user, id, run.command.deadline));
                        }
                    }
                    Step::Admit(user, command) => {
                        let admission = dedupe.admit(now, &user, &command);
                        runs.retain(|_, run| run.ends > now);
                        let of_user = runs.keys().filter(|(of, _)| *of == user).count();
                        let deadline = command.deadline.unwrap_or_else(|| now.plus(Millis(60_000)));
                        let name = (user, command.id.clone());
                        if let Some(run) = runs.get(&name) {
                            let same = (&run.command.event_type, &run.command.payload) == (&command.event_type, &command.payload);
                            match &run.outcome {
                                _ if !same => prop_assert_eq!(code(admission), NackCode::Conflict),
                                Some(outcome) => prop_assert_eq!(admission, Admission::Answer(outcome.clone())),
                                None => prop_assert_eq!(admission, Admission::Running),
                            }
                        } else if deadline < now {
                            let (code, executed) = refused(admission);
                            prop_assert_eq!(code, NackCode::Expired);
                            let (user, id) = name;
                            let was_run = ever_run.contains(&(user, id, command.deadline));
                            prop_assert!(executed == Executed::Unknown || !was_run);
                        } else if deadline.since(now) > Millis(300_000) {
                            prop_assert_eq!(code(admission), NackCode::Invalid);
                        } else if of_user == 2 || runs.len() == 3 {
                            prop_assert_eq!(code(admission), NackCode::RateLimited);
                        } else {
                            prop_assert_eq!(admission, Admission::Run);
                            let ends = deadline.plus(Millis(60_000));
                            ever_run.insert((name.0.clone(), name.1.clone(), command.deadline));
                            runs.insert(name, Run { command, ends, outcome: None });
                        }
                        prop_assert_eq!(remembered(&dedupe), runs.len());
                    }
                }
            }
        }
    }
}
