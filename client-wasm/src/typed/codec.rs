//! Between JavaScript values and Rust types, by serde-wasm-bindgen.
//!
//! JavaScript has one kind of number. An integer beyond 2^53 has lost its last digits before anybody here sees it: such a field
//! is refused when it is an integer in Rust, in both directions, and never rounded in silence.

use js_sys::{Error, JSON};
use serde::{Serialize, de::DeserializeOwned};
use serde_wasm_bindgen::{Deserializer, Serializer};
use wasm_bindgen::{JsCast, JsValue};

/// The value as a Rust type, or what is wrong and where.
pub(crate) fn read<T: DeserializeOwned>(value: JsValue) -> Result<T, String> {
    serde_path_to_error::deserialize(Deserializer::from(value)).map_err(|error| {
        let path = error.path().to_string();
        let message = message(error.into_inner());
        match path.as_str() {
            "." => message, // the whole
            path => format!("{path}: {message}"),
        }
    })
}

/// The JSON of a Rust value: a struct or map is an object, `None` is null.
pub(crate) fn write(value: &impl Serialize) -> Result<String, String> {
    let value = value
        .serialize(&Serializer::json_compatible())
        .map_err(message)?;
    let json = JSON::stringify(&value).ok();
    json.and_then(|json| json.as_string())
        .ok_or_else(|| "it has no JSON".to_owned())
}

/// What serde says, without the `Error: ` that JavaScript puts before it.
fn message(error: serde_wasm_bindgen::Error) -> String {
    match JsValue::from(error).dyn_into::<Error>() {
        Ok(error) => error.message().into(),
        Err(other) => format!("{other:?}"),
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use std::{collections::BTreeMap, fmt::Debug};

    use serde::Deserialize;
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    const SAFE_MAX: u64 = (1 << 53) - 1;

    /// As a payload comes: the browser has parsed it.
    fn parsed<T: DeserializeOwned>(json: &str) -> Result<T, String> {
        read(JSON::parse(json).expect("it is JSON"))
    }

    /// What is written is this JSON, and is read as what it was.
    fn goes_as<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, json: &str) {
        assert_eq!(write(&value).as_deref(), Ok(json));
        assert_eq!(parsed::<T>(json), Ok(value), "{json}");
    }

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Things {
        name: String,
        note: Option<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        list: Vec<(u8, bool)>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        prices: BTreeMap<String, f64>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Outside {
        Nothing,
        One(u32),
        Named { id: u64 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "kind", rename_all = "snake_case")]
    enum Inside {
        Nothing,
        Named { id: u64, rate: f64 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(i64),
        Text(String),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Flat {
        id: u64,
        #[serde(flatten)]
        rest: BTreeMap<String, i64>,
    }

    #[wasm_bindgen_test]
    fn integers_up_to_2_to_the_53_go_and_come_as_they_are() {
        goes_as(0_u64, "0");
        goes_as(SAFE_MAX, "9007199254740991");
        goes_as(-(SAFE_MAX as i64), "-9007199254740991");
        goes_as(u32::MAX, "4294967295");
        goes_as(i8::MIN, "-128");
    }

    #[wasm_bindgen_test]
    fn integers_beyond_are_refused_in_both_directions_and_never_rounded() {
        for beyond in [SAFE_MAX + 1, SAFE_MAX + 2, u64::MAX] {
            assert!(write(&beyond).is_err(), "{beyond}");
            assert!(parsed::<u64>(&beyond.to_string()).is_err(), "{beyond}");
        }
        assert!(write(&i64::MIN).is_err());
        assert!(parsed::<i64>(&i64::MIN.to_string()).is_err());
        // Who takes what there is says so.
        assert_eq!(
            parsed::<f64>("9007199254740993"),
            Ok(9_007_199_254_740_992.0)
        );
        goes_as("9007199254740993".to_owned(), "\"9007199254740993\"");
    }

    #[wasm_bindgen_test]
    fn an_integer_that_does_not_fit_its_type_is_refused() {
        assert!(parsed::<u8>("256").is_err());
        assert!(parsed::<u64>("-1").is_err());
        assert!(parsed::<i64>("1.5").is_err());
        assert!(parsed::<u64>("\"1\"").is_err());
    }

    #[wasm_bindgen_test]
    fn floats_go_and_come_as_they_are_and_one_that_is_whole_is_a_float_still() {
        goes_as(0.1, "0.1");
        goes_as(-1.5e300, "-1.5e+300");
        goes_as(3.0, "3");
        // As everywhere in JSON.
        assert_eq!(write(&f64::NAN).as_deref(), Ok("null"));
    }

    #[wasm_bindgen_test]
    fn what_is_optional_may_be_null_or_missing() {
        let none = Things {
            name: "tea".to_owned(),
            ..Things::default()
        };
        assert_eq!(parsed(r#"{"name":"tea"}"#), Ok(none));
        let some = Things {
            name: "tea \u{1f375} \"".to_owned(),
            note: Some(String::new()),
            list: vec![(1, true), (2, false)],
            prices: BTreeMap::from([("a.b".to_owned(), 2.0)]),
        };
        goes_as(Things::default(), r#"{"name":"","note":null}"#);
        goes_as(
            some,
            r#"{"name":"tea 🍵 \"","note":"","list":[[1,true],[2,false]],"prices":{"a.b":2}}"#,
        );
        goes_as((), "null");
    }

    #[wasm_bindgen_test]
    fn enums_go_and_come_however_they_are_tagged() {
        goes_as(Outside::Nothing, r#""nothing""#);
        goes_as(Outside::One(7), r#"{"one":7}"#);
        goes_as(
            Outside::Named { id: SAFE_MAX },
            r#"{"named":{"id":9007199254740991}}"#,
        );
        goes_as(Inside::Nothing, r#"{"kind":"nothing"}"#);
        // In these serde does not know the type of a number before it has it.
        goes_as(
            Inside::Named {
                id: SAFE_MAX,
                rate: 3.0,
            },
            r#"{"kind":"named","id":9007199254740991,"rate":3}"#,
        );
        goes_as(Either::Number(-7), "-7");
        goes_as(Either::Text("seven".to_owned()), r#""seven""#);
        let rest = BTreeMap::from([("x".to_owned(), 2)]);
        goes_as(Flat { id: 1, rest }, r#"{"id":1,"x":2}"#);
    }

    #[wasm_bindgen_test]
    fn what_is_wrong_is_named_with_its_path() {
        let wrong = |json| parsed::<Things>(json).expect_err("it is wrong");
        assert_eq!(wrong("{}"), "missing field `name`");
        assert!(
            wrong(r#"{"name":7}"#).starts_with("name: invalid type: "),
            "{}",
            wrong(r#"{"name":7}"#)
        );
        let deep = wrong(r#"{"name":"","list":[[1,true],[256,true]]}"#);
        assert!(deep.starts_with("list[1][0]: invalid value: "), "{deep}");
        assert!(wrong("7").contains("struct Things"), "{}", wrong("7"));
    }

    #[wasm_bindgen_test]
    fn keys_of_an_object_are_texts_also_where_rust_has_numbers() {
        let map = BTreeMap::from([("1".to_owned(), 2)]);
        goes_as(map, r#"{"1":2}"#);
        // serde_json would read the text as a number; this says that it is none.
        assert!(parsed::<BTreeMap<u64, u64>>(r#"{"1":2}"#).is_err());
    }
}
