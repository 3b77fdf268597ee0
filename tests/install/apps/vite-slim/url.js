import { createTabwire, init } from "tabwire/slim";
import { options, show } from "../shared/shop.js";

await init(new URL("tabwire/tabwire.wasm", import.meta.url));
show(createTabwire(options));
