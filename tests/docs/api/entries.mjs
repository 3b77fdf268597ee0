// Names each module of the reference as it is imported, and says of it what the head of its file says.

import { readFileSync } from "node:fs";

import { Comment, Converter } from "typedoc";

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const entry of project.children ?? []) {
      const source = readFileSync(new URL(`../../../npm/src/${entry.name}.ts`, import.meta.url), "utf8");
      const [, head] = /^\/\*\*\s*(.*?)\s*\*\//s.exec(source.replace(/^"use client";\s*/, "")) ?? [];
      if (!head) throw new Error(`npm/src/${entry.name}.ts does not say what it is`);
      entry.comment = new Comment([{ kind: "text", text: head.replaceAll(/\n \* ?/g, "\n") }]);
      entry.name = entry.name === "index" ? "tabwire" : `tabwire/${entry.name}`;
    }
  });
}
