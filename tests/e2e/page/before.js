// Runs before anything else: counts sockets, keeps what nobody caught, and takes away what a scenario wants this browser not to have.

const without = new URLSearchParams(location.search).getAll("without");

/** WebSockets this page has opened, ever. */
window.socketsOpened = 0;
window.WebSocket = class extends WebSocket {
  constructor(...args) {
    super(...args);
    window.socketsOpened += 1;
  }
};

if (without.includes("locks")) delete Navigator.prototype.locks;
// As where the browser stops a tab and says nothing. The window hears it first, on its way to the document.
if (without.includes("freeze")) addEventListener("freeze", (event) => event.stopImmediatePropagation(), true);
for (const global of ["WebAssembly", "WebSocket"]) if (without.includes(global)) delete window[global];

/** What nobody has caught: the browser writes it to the console. */
window.uncaught = [];
addEventListener("error", ({ message }) => window.uncaught.push(message));
addEventListener("unhandledrejection", ({ reason }) => window.uncaught.push(String(reason)));
