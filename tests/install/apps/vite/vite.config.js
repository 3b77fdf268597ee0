import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.TABWIRE_URL ?? "http://127.0.0.1:8080";

// For `vite` and, as it has none of its own, for `vite preview`.
export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/ws": { target: server, ws: true }, "/login": server } },
});
