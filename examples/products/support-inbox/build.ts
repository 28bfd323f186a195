/** Bundles the pages: `node build.ts [FOLDER]`. The page of the agents is at `/`, that of customers at `/contact.html`. */
import { copyFileSync, mkdirSync, watch } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

const programs = { "app.js": "page/app.tsx", "contact.js": "contact/contact.tsx" };
const files = [
  ...["page/index.html", "page/base.css", "page/style.css"],
  ...["contact/contact.html", "contact/contact.css", "contact/widget.js"],
];

/** Writes the pages into a folder. */
export async function build(publicDir: string): Promise<void> {
  mkdirSync(publicDir, { recursive: true });
  for (const [name, source] of Object.entries(programs)) {
    const bundle = await rolldown({
      input: join(import.meta.dirname, source),
      platform: "browser",
      logLevel: "silent",
      transform: { define: { "process.env.NODE_ENV": '"production"' } },
    });
    await bundle.write({ file: join(publicDir, name), format: "esm", codeSplitting: false, minify: true });
    await bundle.close();
  }
  for (const file of files)
    copyFileSync(join(import.meta.dirname, file), join(publicDir, file.replace(/^.*\//, "")));
}

/** Writes them again when one of their files is saved. */
export function buildOnSave(publicDir: string): void {
  let timer: NodeJS.Timeout | undefined;
  for (const folder of ["page", "contact"])
    watch(join(import.meta.dirname, folder), { recursive: true }, () => {
      clearTimeout(timer);
      timer = setTimeout(() => void build(publicDir).catch(console.error), 100);
    });
}

if (import.meta.main) await build(process.argv[2] ?? join(import.meta.dirname, "dist"));
