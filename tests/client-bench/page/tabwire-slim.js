import { hear, led, options } from "./page.js";
import { createTabwire, init } from "tabwire/slim";

const { server, user, token } = options;
await init("/tabwire.wasm");
const wire = createTabwire({ url: server, user, getToken: () => token, handOver: "never" });
wire.on("order_created", ({ payload }) => hear(payload));
wire.subscribe(() => wire.getStatus().role === "leader" && led());
