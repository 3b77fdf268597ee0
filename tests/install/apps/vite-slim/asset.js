import { createTabwire, init } from "tabwire/slim";
import wasm from "tabwire/tabwire.wasm?url";
import { options, show } from "../shared/shop.js";

await init(wasm);
show(createTabwire(options));
