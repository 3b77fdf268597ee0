import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.TABWIRE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  server: { proxy: { "/ws": { target: server, ws: true }, "/login": server } },
  // A page for each way to name the file, and one with React.
  build: { rollupOptions: { input: ["asset.html", "url.html", "react.html"] } },
});
