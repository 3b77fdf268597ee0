import { open } from "./shop.js";

const page = document.getElementById("root")!;
page.innerHTML = `<main>
  <h1>Orders</h1>
  <p role="status"></p>
  <ul aria-label="orders"></ul>
  <p><button>Order</button> <strong role="alert"></strong></p>
  <p>This page has fetched the state <output>0</output> times.</p>
</main>`;
const find = (selector: string) => page.querySelector(selector)!;

let fetched = 0;
const { store, wire } = open(() => (find("output").textContent = String(++fetched)));

const showOrders = () => {
  const { orders } = store.getState();
  find("ul").replaceChildren(
    ...orders.map(({ customer, status }) => Object.assign(document.createElement("li"), { textContent: `${customer}: ${status}` })),
  );
};
const showStatus = () => {
  const { state, role } = wire.getStatus();
  find("[role=status]").textContent = `${state}, ${role}`;
};
store.subscribe(showOrders);
wire.subscribe(showStatus);
showOrders();
showStatus();

find("button").addEventListener("click", async () => {
  find("[role=alert]").textContent = "";
  try {
    await wire.send("order_created", { orderId: crypto.randomUUID(), customer: wire.getStatus().userId ?? "" });
  } catch (error) {
    find("[role=alert]").textContent = (error as Error).message;
  }
});
