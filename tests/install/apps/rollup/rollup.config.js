import resolve from "@rollup/plugin-node-resolve";

export default {
  input: ["main.js", "testing.js"],
  output: { dir: "dist", sourcemap: true },
  plugins: [resolve({ browser: true })],
};
