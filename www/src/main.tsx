import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app";
import { showBadge } from "./badge";
import { keepShopsWhenLeaving } from "./kept";
import { installSwitch } from "./network";
import { keepFiles } from "./offline";
import { resume } from "./session";
import "./style/index.css";

installSwitch();
keepShopsWhenLeaving();
keepFiles();
resume();
showBadge();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
