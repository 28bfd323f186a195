/** Tests of a page in a real browser, with the actors that it uses. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { createRegistry, type Definitions, type Registry } from "@holdfast/server";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { type Browser, chromium, type Page } from "playwright-core";
import { rolldown } from "rolldown";

const executablePath = process.env["HOLDFAST_CHROMIUM"] ?? "/usr/bin/chromium";
const html =
  '<!doctype html><meta charset="utf-8"><title>t</title><div id="root"></div><script type="module" src="/page.js"></script>';

/** Why browser tests are skipped, or false. */
export const skip = existsSync(executablePath) ? false : "needs chromium";

export interface Served<Actors extends Definitions> {
  readonly registry: Registry<Actors>;
  readonly page: Page;
  /** Waits until an element has a text. */
  shows(selector: string, text: string): Promise<void>;
  close(): Promise<void>;
}

/** Serves the actors and a page of `browser/`, and opens the page. */
export async function servePage<const Actors extends Definitions>(
  use: Actors,
  name: string,
): Promise<Served<Actors>> {
  const script = await bundle(name);
  const ports = systemPorts();
  const registry = createRegistry({
    use,
    store: () => createMemoryStore({ ports }),
    gateway: {
      fallback: (request, response) => {
        const isScript = request.url === "/page.js";
        response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
        response.end(isScript ? script : html);
      },
    },
  });
  const listening = await registry.listen({ port: 0 });
  const browser: Browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
  });
  const page = await browser.newPage();
  await page.goto(listening.url);
  return {
    registry,
    page,
    shows: async (selector, text) => {
      const expected = JSON.stringify([selector, text]);
      const shown = `(([at, text]) => document.querySelector(at)?.textContent === text)(${expected})`;
      await page.waitForFunction(shown, undefined, { timeout: 10_000 });
    },
    close: async () => {
      await browser.close();
      await registry.shutdown();
    },
  };
}

async function bundle(name: string): Promise<string> {
  const build = await rolldown({
    input: join(import.meta.dirname, "browser", name),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"development"' } },
  });
  const { output } = await build.generate({ format: "esm" });
  await build.close();
  return output[0].code;
}
