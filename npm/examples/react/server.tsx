/** The page as a server renders it: `idle`, and without orders. */

import { StrictMode } from "react";
import { renderToString } from "react-dom/server";
import { App } from "./app.js";

export function render(): string {
  return renderToString(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
