// What each entry may cost a page, in bytes of min+gzip, a few above where it stands: less is written down, more is decided.
// `npm run build` shows where each stands; `npm test` fails above. README.md, "Limits", says where the bytes are.

/** What may come on top when the module was built with the standard library as it is installed: the small one was not to be had. */
const PREBUILT_STD_BYTES = process.env.TABWIRE_PREBUILT_STD ? 2_600 : 0;
/** The frameworks, and with them what every client needs: an entry for one is measured by what it adds. */
const WITHOUT_CORE = ["react", "zustand", "redux", "@reduxjs/toolkit", "./shared/*"];

/** As a page has it: a module. esbuild's warnings are about the imports that it rightly leaves out. */
const modifyEsbuildConfig = (config) => ({ ...config, format: "esm", target: "es2022", logLevel: "error" });

const app = (name, path, bytes) => ({ name, path, gzip: true, limit: `${bytes} B`, modifyEsbuildConfig });
const only = (name, what, path, bytes) => ({ ...app(name, path, bytes), import: what });
const whole = (name, path, bytes) => only(name, "*", path, bytes);
const added = (name, path, bytes) => ({ ...whole(`${name}, added`, path, bytes), ignore: WITHOUT_CORE });

export default [
  only("tabwire", "{ createTabwire, TabwireError }", "dist/index.js", 41_948 + PREBUILT_STD_BYTES),
  whole("tabwire/slim", "dist/slim.js", 8_665),
  added("tabwire/react", "dist/react.js", 1_680),
  added("tabwire/zustand", "dist/zustand.js", 545),
  added("tabwire/redux", "dist/redux.js", 1_025),
  whole("tabwire/testing", "dist/testing.js", 1_640),
  // What a bundler leaves out: there is no module in these.
  only("TabwireError of tabwire", "{ TabwireError }", "dist/index.js", 130),
  app("an app with types only", "tests/types-only.ts", 85),
];
