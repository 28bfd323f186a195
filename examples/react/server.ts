/** Bundles the page and serves it beside the actors: `node examples/react/server.ts`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { registry } from "./actors.ts";

const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Shopping</title>
<div id="root"></div><script type="module" src="/app.js"></script></html>`;

/** Writes the page into a folder. */
export async function build(publicDir: string): Promise<void> {
  mkdirSync(publicDir, { recursive: true });
  const bundle = await rolldown({
    input: join(import.meta.dirname, "app.tsx"),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  await bundle.write({ file: join(publicDir, "app.js"), format: "esm" });
  await bundle.close();
  writeFileSync(join(publicDir, "index.html"), html);
}

if (import.meta.main) {
  const publicDir = join(import.meta.dirname, ".public");
  await build(publicDir);
  const { url } = await registry.listen({ publicDir });
  console.log(url);
}
