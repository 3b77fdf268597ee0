"use client";

import { useEffect, useState } from "react";
import type { Tabwire } from "tabwire";
import { TabwireContext } from "tabwire/react";
import { createTabwire, init } from "tabwire/slim";
import { login } from "../login";
import { List } from "../orders";

/** The module as a file of the build. There is a client once it has been loaded. */
export function SlimOrders({ server }: { server: string }) {
  const [wire, setWire] = useState<Tabwire>();
  useEffect(() => {
    let made: Tabwire | undefined;
    let left = false;
    const join = async () => {
      await init(new URL("tabwire/tabwire.wasm", import.meta.url));
      if (left) return;
      made = createTabwire({ url: `${server}/ws`, user: "ana", getToken: () => login(server) });
      setWire(made);
    };
    void join();
    return () => {
      left = true;
      made?.close();
    };
  }, [server]);
  return (
    wire && (
      <TabwireContext value={wire}>
        <List />
      </TabwireContext>
    )
  );
}
