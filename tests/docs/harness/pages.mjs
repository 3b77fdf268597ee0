// The Markdown pages of the repository, and the code on them.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

/** The pages' paths from the root: all that are tracked, and those that are about to be. */
export function pages() {
  const list = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], { cwd: ROOT, encoding: "utf8" });
  return list.split("\n").filter(Boolean);
}

/**
 * The blocks of a page: `{page, line, language, info, name, code}`. `info` is what follows the language; `name` the file that
 * the first line says the block is: `// wire.ts`, `# app.py`, `-- schema.sql`, `<!-- index.html -->`.
 */
export function blocksOf(page, text = readFileSync(ROOT + page, "utf8")) {
  const blocks = [];
  let open;
  for (const [index, line] of text.split("\n").entries()) {
    const fence = /^\s*(`{3,}|~{3,})(.*)$/.exec(line);
    if (!open && fence) {
      const [language = "", ...info] = fence[2].trim().split(" ");
      open = { fence: fence[1], lines: [], page, line: index + 1, language, info: info.join(" ") };
    } else if (open && fence && fence[1] === open.fence && fence[2].trim() === "") {
      const { fence: _, lines, ...block } = open;
      const name = /^(?:\/\/|#|--|<!--) (\S+\.\w+)(?: -->)?$/.exec(lines[0] ?? "")?.[1];
      blocks.push({ ...block, name, code: `${lines.join("\n")}\n` });
      open = undefined;
    } else open?.lines.push(line);
  }
  if (open) throw new Error(`${page}:${open.line}: the block does not end`);
  return blocks;
}

export function allBlocks() {
  return pages().flatMap((page) => blocksOf(page));
}

/** The code of the block with this name. */
export function program(page, name) {
  const block = blocksOf(page).find((block) => block.name === name);
  if (!block) throw new Error(`${page} has no block that begins with the name ${name}`);
  return block.code;
}

export function place({ page, line, name }) {
  return `${page}:${line}${name ? ` (${name})` : ""}`;
}
