// JSON with its places: what is wrong is said with line and column, which `JSON.parse` does not promise, and an object keeps its
// fields as they stand in the text, where an object of JavaScript would hide that one is there twice.

/** The text is no JSON; the message says where. */
export class JsonError extends Error {}

/** An object of the text: its fields in order. */
export class Fields {
  constructor(list) {
    this.list = list;
  }

  /** As an object has them: the last of a name counts. */
  toObject() {
    return Object.fromEntries(this.list);
  }
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const ATOM = /(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])/y;

/** The value of a JSON text, with each object in it as `Fields`. */
export function readJson(text) {
  let at = 0;
  const read = value();
  if (at < text.length) fail("the end");
  return read;

  function value() {
    take(SPACE);
    const read = isNext("{") ? new Fields(list("{", "}", field)) : isNext("[") ? list("[", "]", value) : atom();
    take(SPACE);
    return read;
  }

  function list(open, close, item) {
    at += open.length;
    take(SPACE);
    const items = [];
    while (!isNext(close)) {
      if (items.length > 0) skip(",");
      items.push(item());
    }
    skip(close);
    return items;
  }

  function field() {
    take(SPACE);
    const name = take(STRING) ?? fail("a name in quotation marks");
    take(SPACE);
    skip(":");
    return [JSON.parse(name), value()];
  }

  function atom() {
    return JSON.parse(take(STRING) ?? take(ATOM) ?? fail("a value"));
  }

  function isNext(sign) {
    return text.startsWith(sign, at);
  }

  function skip(sign) {
    if (!isNext(sign)) fail(sign);
    at += sign.length;
  }

  function take(pattern) {
    pattern.lastIndex = at;
    const [found] = pattern.exec(text) ?? [];
    at += found?.length ?? 0;
    return found;
  }

  function fail(wanted) {
    const lines = text.slice(0, at).split("\n");
    throw new JsonError(`${wanted} expected at line ${lines.length} column ${lines.at(-1).length + 1}`);
  }
}
