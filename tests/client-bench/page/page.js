// What every page has, whatever it is connected with: it shows its first event, and keeps a record for who measures it.

export const options = JSON.parse(document.querySelector("#options").textContent);

/**
 * `firstMs`: from the start of the navigation until the first event stood in the page. All else is when, by the clock that tabs
 * share: `ledAt` this one came to lead, `socketOpenAt` it had a socket of its own, `socketEventAt` an event came through that,
 * `leftAt` another tab was left, `from` and `to` the first and the last of the events came that are timed.
 */
const record = { events: 0 };
window.record = record;

/** The record once the first event stands in the page. */
let firstStands;
window.shown = new Promise((resolve) => (firstStands = resolve));

/** Times the events from the one to the other, both by their number. `timed` is the record once the last has come. */
window.time = (first, last) => {
  Object.assign(record, { from: undefined, to: undefined, first: `o_${first}`, last: `o_${last}` });
  window.timed = new Promise((resolve) => (lastHasCome = resolve));
};
let lastHasCome;

export function hear({ orderId }) {
  record.events += 1;
  if (record.events === 1) {
    document.querySelector("#first").textContent = orderId;
    record.firstMs = performance.now();
    firstStands(record);
  }
  if (orderId === record.first) record.from = now();
  if (orderId !== record.last) return;
  record.to = now();
  lastHasCome(record);
}

export function led() {
  record.ledAt ??= now();
}

if (options.watchesSockets) {
  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      this.addEventListener("open", () => (record.socketOpenAt ??= now()));
      this.addEventListener("message", ({ data }) => {
        if (String(data).includes("order_created")) record.socketEventAt ??= now();
      });
    }
  };
}

// A page that is left tells the others when that was.
if (options.watchesOthers) {
  const others = new BroadcastChannel("others");
  others.onmessage = ({ data }) => (record.leftAt = data);
  addEventListener("pagehide", () => others.postMessage(now()));
}

function now() {
  return performance.timeOrigin + performance.now();
}
