import { hear, led, options } from "./page.js";
import { share } from "./shared-partysocket.js";

share(options.server, (data) => hear(JSON.parse(data).payload), led);
