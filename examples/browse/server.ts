/** The agent, and a page on which people watch its screen: `node examples/browse/server.ts`. */
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "holdfast/client";
import { registry } from "./actors.ts";
import { type Computer, running } from "./computer.ts";

/** What the demo agent is told: it has no model, and calls the tools that a prompt names. */
export const order = [
  'Use the tool `open` with {"url":"http://127.0.0.1:8080/"}',
  'use the tool `click` with {"name":"Your name"}',
  "use the tool `read`",
  'use the tool `type` with {"text":"Ada"}',
  'use the tool `click` with {"name":"Order tea"}',
  // Nothing happens on a title: this waits until it is there.
  'use the tool `click` with {"name":"Thank you, Ada"}',
  "use the tool `screenshot`.",
].join(", ");

const boundary = "picture";
const pauseMs = 250;

/** JPEG pictures one after the other, which browsers show as a film. */
async function* film(computer: Computer, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  while (!signal.aborted) {
    yield Buffer.from(`--${boundary}\r\ncontent-type: image/jpeg\r\n\r\n`);
    yield await computer.picture("jpeg");
    yield Buffer.from("\r\n");
    await pause(pauseMs, undefined, { signal });
  }
}

/** Serves `/`, with all screens, and `/screens/ID`. */
export const application = {
  fetch(request: Request): Response {
    const [, folder, id = ""] = new URL(request.url).pathname.split("/");
    if (folder === "") {
      const images = [...running().keys()].map(
        (each) => `<img alt="The screen of ${each}" src="/screens/${each}">`,
      );
      const html = `<!doctype html><html lang="en"><title>Screens</title>${images.join("") || "No computer runs."}</html>`;
      return new Response(html, { headers: { "content-type": "text/html; charset=utf-8" } });
    }
    const computer = folder === "screens" ? running().get(id) : undefined;
    if (computer === undefined) return new Response("There is no such screen", { status: 404 });
    return new Response(ReadableStream.from(film(computer, request.signal)), {
      headers: { "content-type": `multipart/x-mixed-replace; boundary=${boundary}` },
    });
  },
};

if (import.meta.main) {
  const { url } = await registry.listen({ application });
  console.log(`Watch at ${url}`);
  const client = createClient<typeof registry>(url);
  const { text } = await client.shopper.getOrCreate(["ada"]).ask(order);
  console.log(text);
}
