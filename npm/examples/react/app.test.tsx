// @vitest-environment happy-dom
/** How components are tested: Testing Library, and a client that the test plays the server of. */

import { act, cleanup, render, screen } from "@testing-library/react";
import { TabwireProvider } from "tabwire/react";
import { createFakeTabwire, TabwireError } from "tabwire/testing";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Commands, Events } from "../backend.js";
import { Shop } from "./app.js";

const shop = { orders: [{ orderId: "a", customer: "Ada", status: "new" }], chat: [] };

beforeEach(() => {
  vi.stubGlobal("fetch", async (path: string) =>
    Response.json(path === "/login" ? { token: "t" } : { state: shop, epoch: "e", lastEventId: 1 }),
  );
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

function open(options?: Parameters<typeof createFakeTabwire<Events, Commands>>[0]) {
  const wire = createFakeTabwire<Events, Commands>(options);
  const onBell = vi.fn();
  render(
    <TabwireProvider client={wire}>
      <Shop onBell={onBell} />
    </TabwireProvider>,
  );
  act(() => wire.refresh(undefined as never, { position: { epoch: "e", lastEventId: 1 } }));
  return { wire, onBell };
}

test("the orders that were fetched are shown, and those that come", async () => {
  const { wire, onBell } = open();
  await screen.findByText("Ada: new");
  act(() => void wire.emit("order_created", { orderId: "b", customer: "Bo" }));
  act(() => void wire.emit("order_updated", { orderId: "a", status: "ready" }));
  screen.getByText("Bo: new");
  screen.getByText("Ada: ready");
  await vi.waitFor(() => expect(onBell).toHaveBeenCalledOnce());
});

test("an order that is refused says why", async () => {
  const onSend = () => {
    throw new TabwireError("forbidden", "we are closed", { executed: "no" });
  };
  open({ onSend });
  act(() => screen.getByRole("button", { name: "Order" }).click());
  expect((await screen.findByRole("alert")).textContent).toBe("we are closed");
});

test("the connection is told", () => {
  const { wire } = open();
  act(() => wire.setStatus({ state: "stopped", role: "none", reason: "replaced" }));
  expect(screen.getByRole("status").textContent).toBe("stopped, none, replaced");
});
