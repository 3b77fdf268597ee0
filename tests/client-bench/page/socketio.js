import { hear, options } from "./page.js";
import { io } from "socket.io-client";

io(options.server, options.transports ? { transports: options.transports } : {}).on("order_created", hear);
