// Processes that must not outlive a test: browsers, drivers and servers, with whatever they have started themselves.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, readFileSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

const running = new Set();

// Also when a test has timed out and nobody will tidy up after it.
process.on("exit", () => {
  for (const child of running) signalTree(child.pid, "SIGKILL");
});

/** Starts a program. It is killed with this process at the latest. */
export function start(command, args, options) {
  const child = spawn(command, args, options);
  running.add(child);
  child.once("exit", () => running.delete(child));
  return child;
}

/** Kills a program and all that it has started, and waits until it is gone. */
export async function end(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  // A process of the tree that was stopped would not notice that its parent has gone.
  signalTree(child.pid, "SIGKILL");
  await exited;
}

/** Waits for a line of `stream` that matches, and returns the match. Fails when the program ends without it. */
export function line(child, stream, pattern) {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: stream });
    lines.on("line", (text) => {
      const match = pattern.exec(text);
      if (match) resolve(match);
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`${child.spawnfile} ended before it printed ${pattern}`)));
  });
}

/** Where a program is, by the first of its names that is there: a path, or a name on the path. */
export function find(...names) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const paths = names.filter(Boolean).flatMap((name) => (name.includes("/") ? [name] : folders.map((folder) => join(folder, name))));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The processes that `pid` has started, and theirs, as far as `keep` wants them by their command line. */
export function descendants(pid, keep = () => true) {
  const children = new Map();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(entry);
    if (parent) children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [];
  const walk = (parent) => {
    for (const child of children.get(parent) ?? []) {
      if (keep(commandLine(child))) found.push(child);
      walk(child);
    }
  };
  walk(pid);
  return found;
}

/** Sends a signal to a program and to all that it has started. */
export function signalTree(pid, signal) {
  for (const each of [pid, ...descendants(pid)]) {
    try {
      process.kill(each, signal);
    } catch {
      // It has ended meanwhile.
    }
  }
}

function parentOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before it is in parentheses and may hold anything.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined; // it has ended meanwhile
  }
}

function commandLine(pid) {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}
