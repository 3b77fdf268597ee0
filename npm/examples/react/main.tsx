import { StrictMode } from "react";
import { createRoot, hydrateRoot } from "react-dom/client";
import { App } from "./app.js";

const root = document.getElementById("root")!;
const app = (
  <StrictMode>
    <App />
  </StrictMode>
);
// What a server has rendered is taken over.
if (root.firstElementChild) hydrateRoot(root, app);
else createRoot(root).render(app);
