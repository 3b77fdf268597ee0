import type { NextConfig } from "next";

export default {
  // Where this app is, for a machine that has other lockfiles further up.
  turbopack: { root: import.meta.dirname },
  devIndicators: false,
} satisfies NextConfig;
