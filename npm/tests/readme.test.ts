// @vitest-environment node
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tscErrors } from "./tsc.js";

const root = fileURLToPath(new URL("..", import.meta.url));

test("the README's examples compile as they stand", { timeout: 120_000 }, () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const examples = [...readme.matchAll(/```(tsx?)\n(?:\/\/ (\S+)\n)?([\s\S]*?)```/g)];
  const folder = mkdtempSync(join(root, "node_modules", ".readme-test-"));
  try {
    const names = examples.map(([, ext, name, code = ""], index) => {
      const file = name ?? `example-${index}.${ext}`;
      writeFileSync(join(folder, file), code);
      return file;
    });
    writeFileSync(join(folder, "session.ts"), "export declare function currentUser(): Promise<{ id: string } | undefined>;");
    const entries = ["tabwire", "tabwire/slim", "tabwire/react", "tabwire/zustand", "tabwire/redux", "tabwire/testing"];
    for (const entry of entries) expect(readme).toContain(`from "${entry}";`);
    expect(tscErrors(folder, names)).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
