// Publishes the package, or with no `--really` only says what would be: `npm run release [-- --really]`.
// The package must have been built: `cargo xtask test npm`.

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const really = process.argv.includes("--really");
const { version } = JSON.parse(readFileSync("package.json", "utf8"));

if (!readFileSync("CHANGELOG.md", "utf8").includes(`\n## ${version}\n`)) fail(`CHANGELOG.md has no section "## ${version}"`);
if (really && output("git", ["status", "--porcelain"])) fail("there are changes that are not committed");
run("npm", ["run", "build"]);
run("npm", ["test"]);
run("npm", ["publish", ...(really ? [] : ["--dry-run"])]);
if (!really) console.log(`\nNothing was published. To publish ${version}: npm run release -- --really`);

function output(command, args) {
  return spawnSync(command, args, { encoding: "utf8" }).stdout.trim();
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) fail(`\`${command} ${args.join(" ")}\` failed`);
}

function fail(message) {
  console.error(`release: ${message}`);
  process.exit(1);
}
