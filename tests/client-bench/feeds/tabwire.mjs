// A real tabwire-server, and an app's back end that publishes by HTTP.

import { Server } from "../../e2e/harness/server.mjs";
import { publish } from "./publishing.mjs";

const USER = "u_101";
const SHOP = "s_1";

const server = await Server.start();
const options = { server: `ws://127.0.0.1:${server.port}/ws`, user: USER, token: server.token({ userId: USER, shopId: SHOP }) };
publish(options, (payloads) => server.publish(payloads.map((payload) => ({ type: "order_created", scope: { shopId: SHOP }, payload }))));
