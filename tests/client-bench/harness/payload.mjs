// The event that all are measured with: an order, 200 bytes as JSON.

const BYTES = 200;

export function payload(number) {
  const order = { orderId: `o_${number}`, customer: "Ada", note: "" };
  order.note = "x".repeat(BYTES - JSON.stringify(order).length);
  return order;
}
