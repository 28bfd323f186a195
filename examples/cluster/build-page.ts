/** Bundles the page in memory. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Three nodes, one database</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/style.css">
<div id="root"></div>
<script type="module" src="/app.js"></script>
</html>
`;

/** The files of the page by their paths. */
export async function buildPage(): Promise<
  ReadonlyMap<string, { readonly type: string; readonly body: string }>
> {
  const bundle = await rolldown({
    input: join(import.meta.dirname, "page", "app.tsx"),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  const { output } = await bundle.generate({ format: "esm", codeSplitting: false });
  await bundle.close();
  const shared = fileURLToPath(import.meta.resolve("@holdfast/web-parts/styles.css"));
  const style = inlineImports(shared) + readFileSync(join(import.meta.dirname, "page", "style.css"), "utf8");
  return new Map([
    ["/", { type: "text/html; charset=utf-8", body: html }],
    ["/app.js", { type: "text/javascript; charset=utf-8", body: output[0].code }],
    ["/style.css", { type: "text/css; charset=utf-8", body: style }],
  ]);
}

/** A style sheet with the relative ones that it imports in place. */
function inlineImports(path: string): string {
  return readFileSync(path, "utf8").replace(/@import "(\.[^"]+)";/g, (_, imported: string) =>
    inlineImports(join(dirname(path), imported)),
  );
}
