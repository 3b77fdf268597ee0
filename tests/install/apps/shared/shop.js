// What these apps have in common: who they are to the server's demo, and a page that shows the orders as they come.

export const options = {
  url: "/ws",
  user: "ana",
  getToken: async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ userId: "ana" }) });
    return (await response.json()).token;
  },
};

export function show(wire) {
  const say = () => {
    const { state, role, reason } = wire.getStatus();
    document.querySelector("#status").textContent = reason ? `${state}: ${reason}` : `${state}, ${role}`;
  };
  wire.subscribe(say);
  say();
  wire.on("order_created", ({ payload }) => {
    document.querySelector("#orders").appendChild(document.createElement("li")).textContent = payload.orderId;
  });
}
