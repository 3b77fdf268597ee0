import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      // What the build makes; the tests put a client of their own in its place.
      { find: "tabwire:glue", replacement: here("tests/fake-glue.ts") },
      { find: "tabwire:embedded", replacement: here("tests/fake-embedded.ts") },
      // The examples are written as an app would be.
      { find: /^tabwire$/, replacement: here("src/index.ts") },
      { find: /^tabwire\/(\w+)$/, replacement: here("src/$1.ts") },
    ],
  },
  test: {
    restoreMocks: true,
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/*.test.ts", "examples/**/*.test.{ts,tsx}"] } },
      // The hooks again, on the oldest React we support.
      {
        extends: true,
        resolve: {
          alias: [{ find: /^(react|react-dom)(?=$|\/)/, replacement: here("tests/react18/node_modules/$1") }],
        },
        test: {
          name: "react 18",
          include: ["tests/react.test.ts"],
        },
      },
    ],
  },
});
