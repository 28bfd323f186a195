/** Bundles the page: `node build.ts [FOLDER]`. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** Writes scripts and styles of the page into a folder; its document comes with headers, from routes.ts. */
export async function build(publicDir: string): Promise<void> {
  mkdirSync(publicDir, { recursive: true });
  const page = join(import.meta.dirname, "page");
  const bundle = await rolldown({
    input: join(page, "app.tsx"),
    platform: "browser",
    logLevel: "silent",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  await bundle.write({ file: join(publicDir, "app.js"), format: "esm", codeSplitting: false, minify: true });
  await bundle.close();
  copyFileSync(join(page, "style.css"), join(publicDir, "style.css"));
}

if (import.meta.main) await build(process.argv[2] ?? join(import.meta.dirname, "dist"));
