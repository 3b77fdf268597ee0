import { createTabwire } from "tabwire";

interface Events {
  order_created: { orderId: string };
}

const wire = createTabwire<Events>({
  url: "/ws",
  user: "ana",
  getToken: async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ userId: "ana" }) });
    return ((await response.json()) as { token: string }).token;
  },
});
wire.subscribe(() => {
  const { state, role } = wire.getStatus();
  document.querySelector("#status")!.textContent = `${state}, ${role}`;
});
wire.on("order_created", ({ payload }) => {
  document.querySelector("#orders")!.appendChild(document.createElement("li")).textContent = payload.orderId;
});
