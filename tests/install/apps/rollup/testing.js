// Needs the fake client and a class: nothing of what makes a real one may come along.
import { TabwireError } from "tabwire";
import { createFakeTabwire } from "tabwire/testing";

const wire = createFakeTabwire();
wire.on("order_created", ({ payload }) => console.log(payload, TabwireError));
wire.emit("order_created", { orderId: "a" });
