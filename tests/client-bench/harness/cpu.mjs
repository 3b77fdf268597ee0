// CPU time that processes have used, in milliseconds, as the kernel accounts for it: user and system together, all threads.

import { readFileSync, readdirSync } from "node:fs";

import { descendants } from "../../e2e/harness/processes.mjs";

const NS_PER_MS = 1e6;

/** Of one process. The kernel's own sum comes in ticks of 10 ms, so it is the threads' nanoseconds that are summed. */
export function cpuMs(pid) {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((ms, task) => ms + taskMs(pid, task), 0);
}

/** Of a browser: of the process that was started and of all that it has started, which may come and go. */
export function cpuMsOfAll(pid) {
  return new Map([pid, ...descendants(pid)].map((each) => [each, cpuMs(each)]));
}

function taskMs(pid, task) {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]) / NS_PER_MS;
  } catch {
    return 0; // it has ended meanwhile
  }
}
