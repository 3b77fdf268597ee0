// node run.mjs [NAME…] [--quick] [--results FILE]: measures what is named, or everything. Prints a line for each run, and adds it to
// the file as JSON. TABWIRE_SERVER names the server's binary; it should be an optimised one.

import { parseArgs } from "node:util";

import { engine } from "../e2e/harness/engines/index.mjs";
import { firstEvent } from "./bench/first-event.mjs";
import { relay } from "./bench/relay.mjs";
import { size } from "./bench/size.mjs";
import { tabCpu } from "./bench/tab-cpu.mjs";
import { takeover } from "./bench/takeover.mjs";
import { Results } from "./harness/results.mjs";

const BENCHES = { size, "first-event": firstEvent, "tab-cpu": tabCpu, takeover, relay };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: "boolean", default: false }, results: { type: "string" } },
});
const names = positionals.length > 0 ? positionals : Object.keys(BENCHES);
const unknown = names.filter((name) => !(name in BENCHES));
if (unknown.length > 0) throw new Error(`there is no ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}`);
const missing = engine.missing();
if (missing) throw new Error(missing);

const results = new Results(values.results);
for (const name of names) await BENCHES[name]({ results, quick: values.quick });
console.log(`\nmedians (lowest–highest)\n${results.summary()}`);
