import { createTabwire } from "tabwire";

interface Events {
  order_created: { orderId: string };
}

declare module "tabwire" {
  interface Register {
    events: Events;
  }
}

export const wire = createTabwire({
  url: "/ws",
  user: "ana",
  getToken: async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch("/login", { method: "POST", headers, body: JSON.stringify({ userId: "ana" }) });
    return (await response.json()).token as string;
  },
});
