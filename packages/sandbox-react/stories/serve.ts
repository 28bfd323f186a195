import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { rolldown } from "rolldown";

export interface Page {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * The strictest policy: no inline script, no inline style. `connect-src` lets the live stories reach
 * servers of this machine.
 */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; " +
  "img-src data:; connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*";

const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sandbox components</title>
<link rel="stylesheet" href="/page.css">
<link rel="icon" href="data:,">
<div id="root"></div>
<script type="module" src="/page.js"></script>
</html>
`;

/** The stories as a page of their own, on a free port of the loopback interface. */
export async function serveStories(port = 0): Promise<Page> {
  const styles = [
    join(import.meta.dirname, "..", "src", "styles.css"),
    join(import.meta.dirname, "page.css"),
  ];
  const css = (await Promise.all(styles.map((path) => readFile(path, "utf8")))).join("\n");
  return await servePage(join(import.meta.dirname, "page.tsx"), { css, port });
}

export interface PageOptions {
  readonly css?: string;
  readonly port?: number;
  readonly policy?: string;
}

/** Bundles a module for browsers and serves it in an empty page. */
export async function servePage(input: string, options: PageOptions = {}): Promise<Page> {
  const files = new Map([["/", html], ["/page.css", options.css ?? ""], ...(await bundle(input))]);
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://page").pathname;
    const content = files.get(path);
    const headers = { "content-type": typeOf(path), "content-security-policy": options.policy ?? policy };
    response.writeHead(content === undefined ? 404 : 200, headers);
    response.end(content);
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("The page has no port");
  return {
    url: `http://127.0.0.1:${address.port}/`,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function bundle(input: string): Promise<[path: string, code: string][]> {
  const build = await rolldown({
    input: { page: input },
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  const { output } = await build.generate({ format: "esm", entryFileNames: "[name].js" });
  await build.close();
  return output.flatMap((item): [string, string][] =>
    item.type === "chunk" ? [[`/${item.fileName}`, item.code]] : [],
  );
}

function typeOf(path: string): string {
  if (path.endsWith(".js")) return "text/javascript";
  return path.endsWith(".css") ? "text/css" : "text/html";
}
