/** What tsc says of files that use the package, as an app's own would. */

import { fileURLToPath } from "node:url";
import { join } from "node:path";
import ts from "typescript";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Parsed once for all programs of a test file: the libraries, and the package. */
const parsed = new Map<string, ts.SourceFile | undefined>();

/** Checks files of a folder inside the package, strictly. Empty when all is well. */
export function tscErrors(folder: string, names: readonly string[]): string {
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    moduleDetection: ts.ModuleDetectionKind.Force,
    lib: ["lib.es2023.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
    jsx: ts.JsxEmit.ReactJSX,
    types: [],
    strict: true,
    skipDefaultLibCheck: true,
    noEmit: true,
    paths: { tabwire: [join(root, "src/index.ts")], "tabwire/*": [join(root, "src/*.ts")] },
  };
  const host = ts.createCompilerHost(options);
  const read = host.getSourceFile;
  host.getSourceFile = (name, ...rest) => {
    if (name.startsWith(folder)) return read(name, ...rest);
    if (!parsed.has(name)) parsed.set(name, read(name, ...rest));
    return parsed.get(name);
  };
  const files = [...names.map((name) => join(folder, name)), join(root, "src/glue.d.ts")];
  const program = ts.createProgram(files, options, host);
  // The rest has its own check.
  const own = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(folder));
  const found = [...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics(), ...own.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)])];
  return ts.formatDiagnostics(found, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => folder, getNewLine: () => "\n" });
}
