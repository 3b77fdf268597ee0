//! JSON as this client needs it: objects written field by field and read field by field, without a tree and without serde.

use core::cell::Cell;

use tabwire_protocol::{Command, Cursor, Epoch, Millis, Module, NameError, Position, View};

/// An object in the making.
pub(crate) struct Writer(String);

impl Writer {
    pub(crate) fn new() -> Self {
        Self("{".into())
    }

    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.quoted(key);
        self.0.push(':');
    }

    /// A field whose value is JSON already.
    pub(crate) fn json(&mut self, key: &str, json: &str) {
        self.key(key);
        self.0.push_str(json);
    }

    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        push_number(&mut self.0, number);
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        self.quoted(text);
    }

    pub(crate) fn truth(&mut self, key: &str, truth: bool) {
        self.json(key, if truth { "true" } else { "false" });
    }

    pub(crate) fn texts<'a>(&mut self, key: &str, texts: impl Iterator<Item = &'a str>) {
        self.key(key);
        let mut before = '[';
        for text in texts {
            self.0.push(before);
            self.quoted(text);
            before = ',';
        }
        self.0.push_str(if before == '[' { "[]" } else { "]" });
    }

    pub(crate) fn place(&mut self, epoch: &Epoch, view: &View) {
        self.text("epoch", epoch.as_str());
        self.text("view", view.as_str());
    }

    pub(crate) fn cursor(&mut self, cursor: &Cursor) {
        self.place(&cursor.epoch, &cursor.view);
        self.number("lastEventId", cursor.last.get());
    }

    pub(crate) fn command(&mut self, command: &Command) {
        self.text("id", &command.id);
        self.text("type", command.event_type.as_str());
        self.json("payload", command.payload.as_str());
        if let Some(deadline) = command.deadline {
            self.number("deadline", deadline.0);
        }
    }

    fn quoted(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.0.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => {
                    self.0.push('\\');
                    self.0.push(character);
                }
                '\0'..='\x1f' => {
                    self.0.push_str("\\u00");
                    self.0.push(char::from(HEX[character as usize >> 4]));
                    self.0.push(char::from(HEX[character as usize & 15]));
                }
                _ => self.0.push(character),
            }
        }
        self.0.push('"');
    }
}

/// Writes a number without the formatting machinery, which would cost the module two kilobytes.
pub(crate) fn push_number(text: &mut String, number: u64) {
    if number >= 10 {
        push_number(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

/// Reads an integer of up to 2^53 − 1, without the library's parser for integers of all kinds.
pub(crate) fn parse_number(text: &str) -> Option<u64> {
    // The largest has 16 digits.
    if text.is_empty() || text.len() > 16 {
        return None;
    }
    let mut number = 0;
    for byte in text.bytes() {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = 10 * number + u64::from(byte - b'0');
    }
    (number <= Position::MAX.get()).then_some(number)
}

/// An object that is read: each question walks its text, which is short.
///
/// A field that is missing or of the wrong kind is noted and reads as something harmless, so that a frame is put together
/// without a way out at each of its fields; [`Object::read`] throws it away at the end.
///
/// The text is JSON: a browser's parser has found so, or another tab of this version wrote it. Of anything else the answers
/// mean nothing, but nothing panics.
pub(crate) struct Object<'a> {
    text: &'a str,
    spoilt: &'a Cell<bool>,
}

impl<'a> Object<'a> {
    /// What `make` makes of the object, or none when a field was not as it has to be.
    pub(crate) fn read<T>(text: &str, make: impl FnOnce(&Object<'_>) -> T) -> Option<T> {
        let spoilt = Cell::new(false);
        let made = make(&Object {
            text,
            spoilt: &spoilt,
        });
        (!spoilt.get()).then_some(made)
    }

    /// Something is not as it has to be.
    pub(crate) fn spoil(&self) {
        self.spoilt.set(true);
    }

    /// What has to be there.
    fn must<T>(&self, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.spoil();
        }
        value
    }

    /// The value of a field, as it is written.
    pub(crate) fn json(&self, key: &str) -> Option<&'a str> {
        let mut rest = self.text.trim_ascii_start().strip_prefix('{')?;
        loop {
            let (name, after) = split_value(rest);
            let (value, after) = split_value(after.strip_prefix(':')?);
            if unquoted(name) == Some(key) {
                return Some(value);
            }
            rest = after.strip_prefix(',')?;
        }
    }

    /// A string, if there is one. One with escapes counts as none: what the machine reads are names, which have none.
    pub(crate) fn text_if(&self, key: &str) -> Option<&'a str> {
        unquoted(self.json(key)?)
    }

    /// A string.
    pub(crate) fn text(&self, key: &str) -> &'a str {
        self.must(self.text_if(key)).unwrap_or_default()
    }

    /// An integer from 0 to 2^53 − 1, if there is one.
    pub(crate) fn position_if(&self, key: &str) -> Option<Position> {
        Position::new(parse_number(self.json(key)?)?).ok()
    }

    pub(crate) fn position(&self, key: &str) -> Position {
        self.must(self.position_if(key)).unwrap_or_default()
    }

    pub(crate) fn number_if(&self, key: &str) -> Option<u64> {
        self.position_if(key).map(Position::get)
    }

    pub(crate) fn number(&self, key: &str) -> u64 {
        self.position(key).get()
    }

    pub(crate) fn millis(&self, key: &str) -> Millis {
        Millis(self.number(key))
    }

    pub(crate) fn truth(&self, key: &str) -> bool {
        self.json(key) == Some("true")
    }

    pub(crate) fn object_if(&self, key: &str) -> Option<Self> {
        Some(Self {
            text: self.json(key)?,
            spoilt: self.spoilt,
        })
    }

    pub(crate) fn name<T>(&self, key: &str, new: impl Fn(&str) -> Result<T, NameError>) -> T {
        new(self.text(key)).unwrap_or_else(|_| {
            self.spoil();
            new("-").unwrap_or_else(|_| unreachable!("a dash is a name"))
        })
    }

    pub(crate) fn epoch(&self) -> Epoch {
        self.name("epoch", Epoch::new)
    }

    pub(crate) fn view(&self) -> View {
        self.name("view", View::new)
    }

    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch(),
            view: self.view(),
            last: self.position("lastEventId"),
        }
    }

    pub(crate) fn modules(&self) -> Vec<Module> {
        let mut modules = Vec::new();
        let list = self.json("modules").and_then(|list| list.strip_prefix('['));
        let mut rest = self.must(list).unwrap_or_default();
        loop {
            let (value, after) = split_value(rest);
            if value.is_empty() {
                return modules;
            }
            match unquoted(value).map(Module::new) {
                Some(Ok(module)) => modules.push(module),
                _ => self.spoil(),
            }
            rest = after.strip_prefix(',').unwrap_or_default();
        }
    }
}

/// The value that a text starts with, and the text from the comma, colon or bracket on that ends it.
fn split_value(text: &str) -> (&str, &str) {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    let mut end = 0;
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            _ if quoted => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b':' if depth == 0 => break,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        end += 1;
    }
    let (value, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (value.trim_ascii(), rest)
}

fn unquoted(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    text.bytes().all(|byte| byte != b'\\').then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_up_to_2_to_the_53_is_read_as_it_was_written_and_nothing_else_is() {
        for number in [0, 7, 10, 99, 1_234_567_890, Position::MAX.get()] {
            let mut text = String::new();
            push_number(&mut text, number);
            assert_eq!(text, number.to_string());
            assert_eq!(parse_number(&text), Some(number));
        }
        for text in [
            "",
            "-1",
            "+1",
            " 1",
            "1.5",
            "1e3",
            "/",
            ":",
            "9007199254740992",
            "18446744073709551615",
            "100000000000000000000000000000",
        ] {
            assert_eq!(parse_number(text), None, "{text}");
        }
    }
}
