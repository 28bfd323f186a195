/** A plugin with tools, and an agent that calls them. */
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { StudioAgent } from "../src/index.ts";

const text = { type: "string" };
const tool = (name: string, risk_level: "low" | "high") => ({
  name,
  description: name,
  risk_level,
  arguments_schema: { type: "object", additionalProperties: false, properties: { text }, required: ["text"] },
});

/** A plugin with a harmless tool and one that needs an approval. It counts its calls. */
export function installPost(dataDirectory: string): void {
  const folder = join(dataDirectory, "plugins", "post");
  mkdirSync(join(folder, "skills"), { recursive: true });
  const manifest = {
    description: "Posts notes",
    version: "1.0.0",
    app_compat: ">=0.1.0",
    author: { name: "Test" },
    provides: { channels: [], tools: [tool("note_draft", "low"), tool("note_post", "high")] },
    subscribes: [],
  };
  writeFileSync(join(folder, "manifest.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "skills", "post.md"), "# Posting notes\n");
  writeFileSync(
    join(folder, "handler.ts"),
    `let posted = 0;
     export default {
       async initialize() {},
       async handleToolInvocation(tool: string, args: { text: string }) {
         if (tool === "note_post") posted += 1;
         const untrusted = args.text.startsWith("from a page");
         return { ok: true, result: { tool, text: args.text, posted }, untrusted };
       },
       async shutdown() {},
     };`,
  );
}

/** The agent "tools", in a folder of its own below `folder`. */
export function toolAgent(folder: string): StudioAgent {
  const directory = join(folder, "agent");
  mkdirSync(directory, { recursive: true });
  copyFileSync(
    fileURLToPath(new URL("./fixtures/tool-agent.mjs", import.meta.url)),
    join(directory, "agent.mjs"),
  );
  return { id: "tools", command: "{node}", args: ["{directory}/agent.mjs"], directory };
}
