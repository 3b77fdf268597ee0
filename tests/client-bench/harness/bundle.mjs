// Bundles as an app's build makes them: all subjects by the same bundler with the same settings, those of npm/.size-limit.mjs.

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = fileURLToPath(new URL("..", import.meta.url));

/** The one file that a page loads. `app` is a path from this folder, or the text of the app itself; `external` is what it has already. */
export async function bundle(app, { external = [] } = {}) {
  const entry = app.includes("import ") ? { stdin: { contents: app, resolveDir: HERE } } : { entryPoints: [app] };
  const { outputFiles } = await build({
    ...entry,
    absWorkingDir: HERE,
    bundle: true,
    minify: true,
    treeShaking: true,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    external,
    write: false,
    logLevel: "error",
  });
  return outputFiles[0].contents;
}
