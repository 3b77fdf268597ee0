// Hazard: types that only pass because nobody looks into them (`skipLibCheck`), or only as a bundler resolves them.

import { installed } from "../../harness/scenario.mjs";

installed("types", {
  "all entries pass a strict check, resolved as Node does": async ({ app }) => {
    await app.run("tsc", []);
    await app.run("tsc", ["--module", "node16"]);
  },
});
