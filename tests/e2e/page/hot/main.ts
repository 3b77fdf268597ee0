// An app without a framework, that gives back what it has registered before its next version runs.

import { withOrder } from "../backend.js";
import { wire } from "./wire.js";

const VERSION = 1;
/** Each event, with the version of this module that has handled it. It outlives the module. */
window.handled ??= [];

let orders = window.orders ?? [];
const show = () => {
  window.orders = orders;
  const lines = orders.map(({ customer }) => Object.assign(document.createElement("li"), { textContent: customer }));
  document.querySelector("ul").replaceChildren(...lines);
};
const tell = () => {
  const { state, role } = wire.getStatus();
  document.querySelector("[role=status]").textContent = `${state}, ${role}, version ${VERSION}`;
};
const offs = [
  wire.onState((shop) => {
    ({ orders } = shop);
    show();
  }),
  wire.on("order_created", ({ id, payload }) => {
    window.handled.push(`${id} by ${VERSION}`);
    orders = withOrder(orders, payload);
    show();
  }),
  wire.subscribe(tell),
];
show();
tell();

import.meta.hot?.accept();
import.meta.hot?.dispose(() => offs.forEach((off) => off()));
