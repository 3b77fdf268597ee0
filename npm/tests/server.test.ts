// @vitest-environment node
import { expect, test, vi } from "vitest";

test("on a server every entry imports, and createTabwire returns an idle client that does nothing", async () => {
  const [full, slim, react, zustand, redux, testing] = await Promise.all([
    import("../src/index.js"),
    import("../src/slim.js"),
    import("../src/react.js"),
    import("../src/zustand.js"),
    import("../src/redux.js"),
    import("../src/testing.js"),
  ]);
  expect(Object.keys(react)).toContain("TabwireProvider");
  expect(Object.keys(zustand)).toContain("bindStore");
  expect(Object.keys(redux)).toContain("tabwireMiddleware");
  expect(testing.createFakeTabwire().getStatus().state).toBe("open");
  for (const { createTabwire } of [full, slim]) {
    const getToken = vi.fn();
    const wire = createTabwire({ url: "/ws", user: "u_1", getToken });
    const off = wire.on("order", () => {});
    const unsubscribe = wire.subscribe(() => {});
    expect(wire.getStatus()).toEqual({ state: "idle", role: "none", modules: [] });
    expect(wire.cursor()).toBeUndefined();
    expect(wire.inspect()).toMatchObject({ tab: "", role: "none", outbox: 0 });
    await expect(wire.send("order", {})).rejects.toMatchObject({ code: "not_in_browser" });
    wire.reconnect();
    wire.logout();
    wire.close();
    off();
    unsubscribe();
    expect(wire.getStatus().state).toBe("idle");
    expect(getToken).not.toHaveBeenCalled();
  }
});
