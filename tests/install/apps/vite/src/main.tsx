import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { TabwireProvider } from "tabwire/react";
import { Orders } from "./orders";
import { wire } from "./wire";

createRoot(document.querySelector("#root")!).render(
  <StrictMode>
    <TabwireProvider client={wire}>
      <Orders />
    </TabwireProvider>
  </StrictMode>,
);
