/** Bundles the pages: `node build.ts [FOLDER]`. The page of the agents is at `/`, that of customers at `/contact.html`. */
import { copyFileSync, mkdirSync } from "node:fs";
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

if (import.meta.main) await build(process.argv[2] ?? join(import.meta.dirname, "dist"));
