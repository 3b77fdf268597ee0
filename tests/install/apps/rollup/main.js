import { createTabwire } from "tabwire";
import { options, show } from "../shared/shop.js";

show(createTabwire(options));
