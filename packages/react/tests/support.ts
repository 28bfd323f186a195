/** Tests of a page in a real browser, with the actors that it uses. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Definitions, Registry } from "@holdfast/server";
import { storedRegistry } from "@holdfast/testing/backends";
import { launchChromium } from "@holdfast/testing/chromium";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { Page } from "playwright-core";
import { rolldown } from "rolldown";

const html =
  '<!doctype html><meta charset="utf-8"><title>t</title><div id="root"></div><script type="module" src="/page.js"></script>';

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
  const directory = mkdtempSync(join(tmpdir(), "holdfast-react-"));
  removeAtExit(directory);
  const registry = storedRegistry(directory, {
    use,
    gateway: {
      fallback: (request, response) => {
        const isScript = request.url === "/page.js";
        response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
        response.end(isScript ? script : html);
      },
    },
  });
  const listening = await registry.listen({ port: 0 });
  const browser = await launchChromium();
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
