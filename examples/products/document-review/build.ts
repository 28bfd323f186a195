/** Bundles the page: `node build.ts [FOLDER]`. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

/** Writes the page into a folder. */
export async function build(publicDir: string): Promise<void> {
  mkdirSync(publicDir, { recursive: true });
  const web = join(import.meta.dirname, "web");
  const bundle = await rolldown({
    input: join(web, "app.tsx"),
    platform: "browser",
    logLevel: "silent",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  await bundle.write({ file: join(publicDir, "app.js"), format: "esm", codeSplitting: false, minify: true });
  await bundle.close();
  for (const name of ["index.html", "style.css"]) copyFileSync(join(web, name), join(publicDir, name));
}

if (import.meta.main) await build(process.argv[2] ?? join(import.meta.dirname, "dist"));
