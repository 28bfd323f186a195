/** Checks the size of `@holdfast/client` in a browser bundle, minified and compressed as a server would send it. */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { root } from "./workspace.ts";

/** Current size plus a small margin: it may shrink, but not grow. */
const maxBytes = 23_000;

/** Size in bytes of the entry chunk of a page that creates a client. */
export async function clientSize(): Promise<number> {
  const entry = "\0entry";
  const build = await rolldown({
    input: entry,
    cwd: root,
    platform: "browser",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === entry ? id : undefined),
        load: (id) =>
          id === entry
            ? `import { createClient } from ${JSON.stringify(join(root, "packages", "client", "src", "index.ts"))};
               globalThis.client = createClient("http://127.0.0.1:6420");`
            : undefined,
      },
    ],
  });
  const { output } = await build.generate({ format: "esm", minify: true });
  await build.close();
  // Chunks that load on demand do not count towards a page's start.
  const code = output.map((chunk) => (chunk.type === "chunk" && chunk.isEntry ? chunk.code : "")).join("");
  return gzipSync(code, { level: 9 }).length;
}

if (import.meta.main) {
  const bytes = await clientSize();
  console.log(`client in a browser: ${bytes} bytes of gzip (at most ${maxBytes})`);
  if (bytes > maxBytes) process.exit(1);
}
