import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `tabwire` is not in package.json: the demo installs the packed tarball as a user would, and a lockfile cannot know the
// checksum of what was built a minute ago. After `npm ci`:
//   npm install --no-save --no-package-lock ../npm/tabwire-0.1.0.tgz
const server = "http://127.0.0.1:8080";

export default defineConfig({
  plugins: [react()],
  // The page finds its files beside it, whatever path the server or a proxy has it under.
  base: "./",
  server: {
    // `npm run dev` beside `tabwire-server --demo`.
    proxy: {
      "/ws": { target: server, ws: true },
      ...Object.fromEntries(["/login", "/refresh", "/state", "/events", "/demo"].map((path) => [path, server])),
    },
  },
  build: { target: "es2022" },
});
