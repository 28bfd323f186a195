/** Bundles the page: `node build.ts [FOLDER]`. */
import { copyFileSync, mkdirSync, watch } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const web = join(import.meta.dirname, "web");

/** Writes the page into a folder. */
export async function build(publicDir: string): Promise<void> {
  mkdirSync(publicDir, { recursive: true });
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

/** Writes it again when a file of the page is saved. */
export function buildOnSave(publicDir: string): void {
  let timer: NodeJS.Timeout | undefined;
  watch(web, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(() => void build(publicDir).catch(console.error), 100);
  });
}

if (import.meta.main) await build(process.argv[2] ?? join(import.meta.dirname, "dist"));
