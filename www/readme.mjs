// The example of the project's README must compile as it stands: `npm run build` checks it beside the app's own code.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const example = new URL("src/readme-example.tsx", import.meta.url);
const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const code = /```tsx\n([\s\S]*?)```/.exec(readme)?.[1];
if (code === undefined) throw new Error("README.md has no ```tsx example");
try {
  writeFileSync(example, code);
  execFileSync("npx", ["tsc", "--noEmit"], { cwd: new URL(".", import.meta.url), stdio: "inherit" });
} finally {
  rmSync(example, { force: true });
}
