import { defineConfig } from "vite";

const server = process.env.TABWIRE_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  server: { proxy: { "/ws": { target: server, ws: true }, "/login": server } },
  // Two pages, one for each way to name the file.
  build: { rollupOptions: { input: ["asset.html", "url.html"] } },
});
