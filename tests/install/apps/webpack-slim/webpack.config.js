import { join } from "node:path";

export default {
  mode: "production",
  entry: { url: "./url.js", asset: "./asset.js" },
  output: { path: join(import.meta.dirname, "dist") },
  // For `import`: webpack would compile a module that is imported. `new URL` needs no rule.
  module: { rules: [{ test: /\.wasm$/, type: "asset/resource" }] },
};
