// What tsc says, strictly, of the TypeScript on the pages: the blocks of a page are files of one folder, and `tabwire` is the
// packed package that is installed here, as it is for those who copy them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const MODULES = fileURLToPath(new URL("../node_modules/", import.meta.url));
const OPTIONS = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  jsx: ts.JsxEmit.ReactJSX,
  types: ["node"],
  strict: true,
  skipLibCheck: true,
  noEmit: true,
};

/** Those of the reference are what comments of the source show, without what is around it: they are parsed. */
const GENERATED = "docs/api/";

/** What pages import that is the reader's own. */
const YOURS = [
  { page: "npm/README.md", name: "session.ts", code: "export declare function currentUser(): Promise<{ id: string } | undefined>;" },
];

/** Lines like `docs/faq.md:12: …`, none when all is well. */
export function errorsIn(all) {
  const isGenerated = ({ page }) => page.startsWith(GENERATED);
  const blocks = all.filter((block) => !isGenerated(block));
  const folder = mkdtempSync(join(MODULES, ".blocks-"));
  try {
    for (const own of YOURS) write(folder, own);
    const files = new Map(blocks.map((block, index) => [write(folder, block, index), block]));
    return [...byProgram([...files]).flatMap((some) => check(some, files)), ...all.filter(isGenerated).flatMap(unparsable)];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function write(folder, { page, name, language, code }, index) {
  const file = join(folder, page.replaceAll(/\W/g, "_"), name ?? `example-${index}.${language}`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, code);
  return file;
}

/** A page that tells the package its types tells them to its whole program: it gets one of its own. The others share one. */
function byProgram(files) {
  const registers = new Set(files.filter(([, { code }]) => code.includes("interface Register")).map(([, { page }]) => page));
  const own = [...registers].map((page) => files.filter(([, block]) => block.page === page));
  return [files.filter(([, { page }]) => !registers.has(page)), ...own].filter((group) => group.length > 0);
}

/** A statement, or a member of an object that the comment is about. */
function unparsable({ page, line, code }) {
  const wrongs = [code, `({\n${code}\n})`].map((text) => ts.transpileModule(text, { reportDiagnostics: true }).diagnostics);
  if (wrongs.some((wrong) => wrong.length === 0)) return [];
  return wrongs[0].map(({ messageText }) => `${page}:${line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`);
}

const parsed = new Map();

function check(some, files) {
  const host = ts.createCompilerHost(OPTIONS);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...rest) => {
    if (files.has(name)) return read(name, ...rest);
    if (!parsed.has(name)) parsed.set(name, read(name, ...rest));
    return parsed.get(name);
  };
  const program = ts.createProgram(some.map(([file]) => file), OPTIONS, host);
  const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()];
  for (const [file] of some) {
    const source = program.getSourceFile(file);
    found.push(...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source));
  }
  return found.map(({ file, start, messageText }) => {
    const text = ts.flattenDiagnosticMessageText(messageText, "\n");
    const block = files.get(file?.fileName);
    if (!block) return text;
    return `${block.page}:${block.line + 1 + file.getLineAndCharacterOfPosition(start).line}: ${text}`;
  });
}
