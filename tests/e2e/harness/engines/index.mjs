// The engine that scenarios run on: `TABWIRE_ENGINE`, Chromium when nothing is said.
//
// An engine is a module with
//
//   name            as it is called in the names of tests
//   cannot          what scenarios need and it has not, each with the reason: `{ freeze: "…" }`
//   missing()       what is not on this machine, if anything
//   launch(how)     a fresh profile, as on a computer of its own
//   keepsPages      whether a page of ours comes back out of the back-forward cache
//   hiddenTimersMs  how far apart the timers of a hidden tab are when it is throttled
//
// A profile has
//
//   pid             the process that has started all others
//   open(url)       a page in a new tab that is in front, once it is loaded
//   close()         ends everything
//
// and a page has
//
//   pid                     its process, which no other tab that was opened like this is in
//   evaluate(source)        the value of an expression, which is JSON or a promise of it
//   goto(url), reload()     until it is loaded
//   back()                  one step in the history; not waited for
//   show()                  in front: visible, and all other tabs of the profile hidden
//   duplicate(url)          the page that it opens itself, with a copy of its session storage
//   close()                 as a person closes it: the page is told
//   freeze(), thaw()        as the browser freezes a hidden tab, where there is such a thing
//
// `how` may have `blocksStorage` (nothing may be kept: cookies are off) and `hurries` (what the browser does to tabs
// that have been hidden for minutes, it does within seconds).

const name = process.env.TABWIRE_ENGINE ?? "chromium";

export const NAMES = ["chromium", "firefox", "webkit"];

if (!NAMES.includes(name)) throw new Error(`TABWIRE_ENGINE is ${name}; there are ${NAMES.join(", ")}`);

export const engine = await load(name);

export function load(name) {
  return import(`./${name}.mjs`);
}
