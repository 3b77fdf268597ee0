import { join } from "node:path";

export default {
  mode: "production",
  devtool: "source-map",
  entry: { main: "./main.js", testing: "./testing.js" },
  output: { path: join(import.meta.dirname, "dist") },
};
