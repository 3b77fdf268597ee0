// What every page has, whatever it is connected with: it shows its first event, and keeps a record for who measures it.

export const options = JSON.parse(document.querySelector("#options").textContent);

/** `firstMs`: from the start of the navigation until the first event stood in the page. Times are by the clock that tabs share. */
const record = { events: 0, firstMs: undefined, ledAt: undefined, socketOpenAt: undefined, socketEventAt: undefined, leftAt: undefined };
window.record = record;

/** The next `count` events are timed: the first and the last. */
window.time = (count) => Object.assign(record, { from: undefined, to: undefined, last: record.events + count });

export function hear({ orderId }) {
  record.events += 1;
  if (record.events === 1) {
    document.querySelector("#first").textContent = orderId;
    record.firstMs = performance.now();
  }
  if (record.last === undefined) return;
  record.from ??= now();
  if (record.events === record.last) record.to = now();
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
