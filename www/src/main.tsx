import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { installSwitch } from "./network";
import { resume } from "./session";
import "./style.css";

installSwitch();
resume();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
