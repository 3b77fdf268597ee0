import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: {
      // What the build makes; the tests put a client of their own in its place.
      "tabwire:glue": here("tests/fake-glue.ts"),
      "tabwire:embedded": here("tests/fake-embedded.ts"),
    },
  },
  test: {
    restoreMocks: true,
    projects: [
      { extends: true, test: { name: "unit", include: ["tests/*.test.ts"] } },
      // The hooks again, on the oldest React we support.
      {
        extends: true,
        resolve: {
          alias: [
            { find: /^react$/, replacement: "react18" },
            { find: /^react\/jsx-runtime$/, replacement: "react18/jsx-runtime" },
            { find: /^react-dom\/client$/, replacement: "react-dom18/client" },
            { find: /^react-dom\/server$/, replacement: "react-dom18/server" },
          ],
        },
        test: {
          name: "react 18",
          include: ["tests/react.test.ts"],
          server: { deps: { inline: [/react-dom18/, /react18/] } },
        },
      },
    ],
  },
});
