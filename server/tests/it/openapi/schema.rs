//! As much of JSON Schema as docs/openapi.json uses. A keyword that is not known here is an error: it would be believed to be
//! checked.

use serde_json::{Map, Value};

/// The one pattern of the document, which [`is_name`] knows: a regular expression would be a dependency.
const NAME: &str = "^[A-Za-z0-9_.:@-]{1,128}$";

/// A schema, and the document that its references are in.
#[derive(Clone, Copy)]
pub(super) struct Schema<'d> {
    document: &'d Value,
    schema: &'d Value,
    /// Whether an object may have what the schema does not name: in requests, not in answers.
    is_open: bool,
}

impl<'d> Schema<'d> {
    pub(super) const fn of_request(document: &'d Value, schema: &'d Value) -> Self {
        Self {
            document,
            schema,
            is_open: true,
        }
    }

    pub(super) const fn of_answer(document: &'d Value, schema: &'d Value) -> Self {
        Self {
            document,
            schema,
            is_open: false,
        }
    }

    fn at(self, schema: &'d Value) -> Self {
        Self { schema, ..self }
    }

    /// Checks a value; the error says where it is wrong.
    pub(super) fn check(self, value: &Value) -> Result<(), String> {
        self.check_at("", value)
    }

    fn check_at(self, at: &str, value: &Value) -> Result<(), String> {
        let keywords = self.schema.as_object().expect("a schema is an object");
        for (keyword, argument) in keywords {
            self.keyword(keywords, keyword, argument, at, value)?;
        }
        Ok(())
    }

    fn keyword(
        self,
        keywords: &'d Map<String, Value>,
        keyword: &str,
        argument: &'d Value,
        at: &str,
        value: &Value,
    ) -> Result<(), String> {
        let holds = match keyword {
            "description" => true,
            "$ref" => {
                let target = resolve(self.document, argument);
                return self.at(target).check_at(at, value);
            }
            "oneOf" => {
                let schemas = argument.as_array().expect("an array");
                let errors = schemas.iter().map(|one| self.at(one).check_at(at, value));
                errors.filter(Result::is_ok).count() == 1
            }
            "type" => match argument.as_str().expect("one type") {
                "object" => value.is_object(),
                "array" => value.is_array(),
                "string" => value.is_string(),
                "integer" => value.is_u64() || value.is_i64(),
                other => panic!("type {other} is not known to the test"),
            },
            "enum" => argument.as_array().expect("an array").contains(value),
            "pattern" => {
                assert_eq!(
                    argument, NAME,
                    "only names have a pattern that the test knows"
                );
                value.as_str().is_none_or(is_name)
            }
            "minimum" => value.as_i64().is_none_or(|value| value >= number(argument)),
            "maximum" => value.as_i64().is_none_or(|value| value <= number(argument)),
            "minLength" => length(value).is_none_or(|length| length >= number(argument)),
            "maxLength" => length(value).is_none_or(|length| length <= number(argument)),
            "minItems" => items(value).is_none_or(|items| items >= number(argument)),
            "maxItems" => items(value).is_none_or(|items| items <= number(argument)),
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    self.at(argument).check_at(&format!("{at}[{n}]"), item)?;
                }
                true
            }
            "required" => {
                let names = argument.as_array().expect("an array");
                let has = |name: &Value| value.get(name.as_str().expect("a name")).is_some();
                assert!(
                    keywords.contains_key("properties"),
                    "what is required is described"
                );
                !value.is_object() || names.iter().all(has)
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match argument.get(name) {
                        Some(schema) => self.at(schema).check_at(&format!("{at}.{name}"), field)?,
                        None if self.is_open => {}
                        None => return Err(format!("{at}.{name} is not described")),
                    }
                }
                true
            }
            other => panic!("{other} is not known to the test"),
        };
        if holds {
            Ok(())
        } else {
            Err(format!(
                "{at}: {keyword} {argument} does not hold for {value}"
            ))
        }
    }
}

/// What a reference points to.
pub(super) fn resolve<'d>(document: &'d Value, reference: &Value) -> &'d Value {
    let path = reference.as_str().and_then(|path| path.strip_prefix('#'));
    let target = path.and_then(|path| document.pointer(path));
    target.unwrap_or_else(|| panic!("{reference} is nowhere"))
}

fn is_name(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@-".contains(&byte);
    (1..=128).contains(&text.len()) && text.bytes().all(is_of_name)
}

fn number(argument: &Value) -> i64 {
    argument.as_i64().expect("an integer")
}

fn length(value: &Value) -> Option<i64> {
    let length = value.as_str()?.chars().count();
    i64::try_from(length).ok()
}

fn items(value: &Value) -> Option<i64> {
    i64::try_from(value.as_array()?.len()).ok()
}

#[test]
fn what_does_not_fit_is_told_where() {
    let document = serde_json::json!({"a": {
        "type": "object", "required": ["n"],
        "properties": {"n": {"type": "integer", "maximum": 3}, "names": {"type": "array", "items": {"type": "string", "pattern": NAME}}},
    }});
    let check = |value: Value| Schema::of_answer(&document, &document["a"]).check(&value);
    assert_eq!(check(serde_json::json!({"n": 3, "names": ["a"]})), Ok(()));
    for (value, wrong) in [
        (serde_json::json!([]), ": type"),
        (serde_json::json!({}), ": required"),
        (serde_json::json!({"n": 4}), ".n: maximum"),
        (serde_json::json!({"n": 1.5}), ".n: type"),
        (
            serde_json::json!({"n": 1, "names": ["a", ""]}),
            ".names[1]: pattern",
        ),
        (serde_json::json!({"n": 1, "m": 1}), ".m is not described"),
    ] {
        let error = check(value).expect_err(wrong);
        assert!(error.starts_with(wrong), "{error}");
    }
    let open = Schema::of_request(&document, &document["a"]);
    assert_eq!(open.check(&serde_json::json!({"n": 1, "m": 1})), Ok(()));
}
