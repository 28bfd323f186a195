/** Bundles the page and serves it beside the actors: `node examples/ai-sdk-chat/server.ts`. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { registry } from "./actors.ts";

/** Writes the page into a folder. */
export async function build(publicDir: string): Promise<void> {
  mkdirSync(publicDir, { recursive: true });
  const bundle = await rolldown({
    input: join(import.meta.dirname, "app.tsx"),
    platform: "browser",
    logLevel: "silent",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  await bundle.write({ file: join(publicDir, "app.js"), format: "esm", codeSplitting: false });
  await bundle.close();
  for (const name of ["index.html", "style.css"])
    copyFileSync(join(import.meta.dirname, name), join(publicDir, name));
}

if (import.meta.main) {
  const publicDir = join(import.meta.dirname, ".public");
  await build(publicDir);
  const { url } = await registry.listen({ publicDir });
  console.log(url);
}
