//! The event types: which module each belongs to, and what clients may send. Read once from `events.config.json`.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;
use tabwire_protocol::{EventType, Module, TypeMap};

/// What clients may do with a type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRule {
    /// The module it belongs to.
    pub module: Module,
    /// Whether sessions of the module may send it.
    pub from_client: bool,
    /// Whether what they send is run by the app, and not appended.
    pub via_webhook: bool,
}

/// All event types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypes(BTreeMap<EventType, TypeRule>);

/// What is wrong with an `events.config.json`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventTypesError {
    /// It is not a JSON object.
    #[error("it must be a JSON object of event types: {0}")]
    Json(String),
    /// An entry of it is wrong.
    #[error("entry {entry:?}: {wrong}")]
    Entry {
        /// The event type.
        entry: String,
        /// What is wrong with it.
        wrong: String,
    },
}

impl EventTypes {
    /// Reads `{"order_created": "orders", "chat_message": {"module": "chat", "from": "client"}}`.
    ///
    /// # Errors
    /// When it isn't that; the error names the entry.
    pub fn parse(json: &str) -> Result<Self, EventTypesError> {
        let entries: Entries =
            serde_json::from_str(json).map_err(|error| EventTypesError::Json(error.to_string()))?;
        let mut types = BTreeMap::new();
        for (entry, value) in entries.0 {
            let added = EventType::new(&entry)
                .map_err(|error| format!("its name: {error}"))
                .and_then(|event_type| Ok((event_type, rule(&value)?)))
                .and_then(|(event_type, rule)| match types.insert(event_type, rule) {
                    None => Ok(()),
                    Some(_) => Err("it is there twice".to_owned()),
                });
            if let Err(wrong) = added {
                return Err(EventTypesError::Entry { entry, wrong });
            }
        }
        Ok(Self(types))
    }

    /// The types of `--demo`, when no others are given.
    pub fn demo() -> Self {
        Self::parse(
            r#"{
                "order_created": {"module": "orders", "from": "client"},
                "order_updated": {"module": "orders", "from": "client"},
                "order_cancelled": "orders",
                "chat_message": {"module": "chat", "from": "client"}
            }"#,
        )
        .expect("a test parses it")
    }

    /// The rule of a type.
    pub fn get(&self, event_type: &EventType) -> Option<&TypeRule> {
        self.0.get(event_type)
    }

    /// The types of some modules.
    pub fn of_modules<'a>(&self, modules: impl IntoIterator<Item = &'a Module> + Clone) -> TypeMap {
        let is_in = |module: &Module| modules.clone().into_iter().any(|m| m == module);
        self.0
            .iter()
            .filter(|(_, rule)| is_in(&rule.module))
            .map(|(event_type, rule)| (event_type.clone(), rule.module.clone()))
            .collect()
    }

    /// All modules that have a type.
    pub fn modules(&self) -> impl Iterator<Item = &Module> {
        self.0.values().map(|rule| &rule.module)
    }

    /// A type that the app runs, if there is one.
    pub fn via_webhook(&self) -> Option<&EventType> {
        let found = self.0.iter().find(|(_, rule)| rule.via_webhook);
        found.map(|(event_type, _)| event_type)
    }

    /// Whether there are no types.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn rule(value: &Value) -> Result<TypeRule, String> {
    let module = |value: &Value| {
        let name = value.as_str().ok_or("\"module\" must be a string")?;
        Module::new(name).map_err(|error| format!("\"module\": {error}"))
    };
    let Value::Object(fields) = value else {
        return match value {
            Value::String(_) => Ok(TypeRule {
                module: module(value)?,
                from_client: false,
                via_webhook: false,
            }),
            _ => Err(
                "it must be the name of a module, or {\"module\": …, \"from\": \"client\"}".into(),
            ),
        };
    };
    // What is misspelt would be silently ignored, and a type be open or closed against somebody's will.
    if let Some(unknown) = fields
        .keys()
        .find(|key| !matches!(key.as_str(), "module" | "from" | "via"))
    {
        return Err(format!(
            "it has no field {unknown:?}: \"module\", \"from\" and \"via\" are known"
        ));
    }
    let is = |field: &str, name: &str| match fields.get(field) {
        None => Ok(false),
        Some(Value::String(value)) if value == name => Ok(true),
        Some(other) => Err(format!("{field:?} can only be {name:?}, not {other}")),
    };
    let rule = TypeRule {
        module: module(fields.get("module").ok_or("\"module\" is missing")?)?,
        from_client: is("from", "client")?,
        via_webhook: is("via", "webhook")?,
    };
    if rule.via_webhook && !rule.from_client {
        return Err(
            "\"via\": \"webhook\" is for what clients send: \"from\": \"client\" is missing".into(),
        );
    }
    Ok(rule)
}

/// The entries as they stand in the file: a map would hide that one is there twice.
struct Entries(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Map;

        impl<'de> Visitor<'de> for Map {
            type Value = Entries;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_has_a_module_and_may_come_from_clients() {
        let types =
            EventTypes::parse(r#"{"a": "orders", "b": {"module": "chat", "from": "client"}}"#);
        let types = types.expect("it is right");
        let get = |name| {
            let rule = types.get(&EventType::new(name).expect("a name"));
            rule.map(|rule| (rule.module.as_str(), rule.from_client))
        };
        assert_eq!(get("a"), Some(("orders", false)));
        assert_eq!(get("b"), Some(("chat", true)));
        assert_eq!(get("c"), None);
    }

    #[test]
    fn the_types_of_a_session_are_those_of_its_modules() {
        let types = EventTypes::demo();
        let chat = Module::new("chat").expect("a name");
        let types: Vec<_> = types.of_modules([&chat]).into_keys().collect();
        assert_eq!(types, [EventType::new("chat_message").expect("a name")]);
    }

    /// `npx tabwire types` is held to the same examples: npm/tests/configs.test.ts.
    #[test]
    fn the_examples_are_what_they_say() {
        let examples = include_str!("types_examples.txt");
        let mut signs = BTreeMap::new();
        for example in examples.trim_end().split("\n\n").skip(1) {
            let (json, comes) = example.rsplit_once('\n').expect("a text and an outcome");
            let (sign, outcome) = comes.split_at(1);
            let outcome = outcome.trim_start();
            *signs.entry(sign).or_insert(0) += 1;
            match (sign, EventTypes::parse(json)) {
                ("=", Ok(types)) => assert_eq!(in_words(&types), sorted(outcome), "{json}"),
                ("!", Err(error)) => assert_eq!(error.to_string(), outcome, "{json}"),
                ("?", Err(EventTypesError::Json(error))) => {
                    assert!(
                        error.contains(&format!(" at line {outcome} ")),
                        "{json}: {error}"
                    );
                }
                (_, other) => panic!("{json} is {other:?}, not {comes}"),
            }
        }
        assert!(
            signs.values().sum::<usize>() > 40 && signs.len() == 3,
            "{signs:?}"
        );
    }

    fn in_words(types: &EventTypes) -> Vec<String> {
        let words = |(name, rule): (&EventType, &TypeRule)| {
            let client = if rule.from_client { " client" } else { "" };
            let webhook = if rule.via_webhook { " webhook" } else { "" };
            format!(
                "{} {}{client}{webhook}",
                name.as_str(),
                rule.module.as_str()
            )
        };
        let mut words: Vec<_> = types.0.iter().map(words).collect();
        words.sort();
        words
    }

    fn sorted(outcome: &str) -> Vec<String> {
        let mut words: Vec<_> = outcome.split(", ").map(str::to_owned).collect();
        words.retain(|word| !word.is_empty());
        words.sort();
        words
    }

    #[test]
    fn what_is_no_json_object_is_said_with_its_place() {
        for (json, wrong) in [
            (
                "[]",
                "it must be a JSON object of event types: invalid type: sequence, expected an object at line 1 column 0",
            ),
            (
                "{\"a\":",
                "it must be a JSON object of event types: EOF while parsing a value at line 1 column 5",
            ),
        ] {
            let error = EventTypes::parse(json).expect_err(json);
            assert_eq!(error.to_string(), wrong);
        }
    }
}
