// A second copy of the package in the page, as when two bundles bring one each: what its client has delivered.

import { createTabwire } from "/copy/dist/index.js";

const wire = createTabwire(window.options);
const ids = [];
wire.on("order_created", ({ id }) => ids.push(id));

window.copy = { createTabwire, wire, ids };
