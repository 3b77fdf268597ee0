import { createTabwire } from "tabwire";
import { fetchShop, getToken, USER } from "../backend.js";
import { createShop, type Wire } from "./store.js";

const page = document.getElementById("root")!;
page.innerHTML = `<main>
  <h1>Orders</h1>
  <p role="status"></p>
  <ul aria-label="orders"></ul>
  <h2>Chat</h2>
  <ul aria-label="chat"></ul>
  <form><label>Say <input name="text" required /></label> <button>Send</button></form>
  <p><strong role="alert"></strong></p>
</main>`;
const find = (selector: string) => page.querySelector(selector)!;

const wire: Wire = createTabwire({
  url: "/ws",
  user: USER,
  getToken,
  fetchState: ({ signal }) => fetchShop(signal),
});
const { store, api } = createShop(wire);
store.dispatch(api.endpoints.chat.initiate());

const list = (lines: string[]) => lines.map((line) => Object.assign(document.createElement("li"), { textContent: line }));
const show = () => {
  const state = store.getState();
  const chat = api.endpoints.chat.select()(state).data ?? [];
  find("[role=status]").textContent = state.connection;
  find("[aria-label=orders]").replaceChildren(...list(state.orders.map(({ customer, status }) => `${customer}: ${status}`)));
  find("[aria-label=chat]").replaceChildren(...list(chat.map(({ by, text }) => `${by}: ${text}`)));
};
store.subscribe(show);
show();

find("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.currentTarget as HTMLFormElement;
  const text = String(new FormData(form).get("text"));
  form.reset();
  find("[role=alert]").textContent = "";
  try {
    await wire.send("chat_message", { text });
  } catch (error) {
    find("[role=alert]").textContent = (error as Error).message;
  }
});
