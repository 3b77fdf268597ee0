import { hear, options } from "./page.js";

new WebSocket(options.server).onmessage = ({ data }) => hear(JSON.parse(data).payload);
