import { hear, led, options } from "./page.js";
import { createTabwire } from "tabwire";

const { server, user, token } = options;
const wire = createTabwire({ url: server, user, getToken: () => token, handOver: "never" });
wire.on("order_created", ({ payload }) => hear(payload));
wire.subscribe(() => wire.getStatus().role === "leader" && led());
