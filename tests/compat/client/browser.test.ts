/**
 * The published client of `rivetkit` for browsers, in a page of another origin. It sends the bodies of calls as streams,
 * which Chromium does over HTTP/2 only: the registry is behind TLS, as it is behind a proxy.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { rolldown } from "rolldown";
import { installPublished } from "./support/published.ts";
import { peerRegistry } from "./support/registry.ts";

/** What the page does; its result is text, because the values of a page are not those of this process. */
const program = `
import { createClient } from "rivetkit/client";
window.run = async (endpoint) => {
  const client = createClient({ endpoint, devtools: false });
  const handle = client.counter.getOrCreate(["page"], { params: { user: "ann" } });
  const conn = handle.connect();
  const heard = new Promise((resolve) => conn.once("changed", resolve));
  // The subscription is in effect when a later call of the connection is answered.
  await conn.get();
  const results = [await handle.add(2), await conn.add(1), await heard, await handle.params()];
  const error = await handle.refuse(1).catch(({ group, code, metadata }) => [group, code, metadata.left]);
  const raw = await (await client.raw.getOrCreate(["page"]).fetch("/x", { method: "POST", body: "hi" })).json();
  const socket = await client.raw.getOrCreate(["page"]).webSocket("/chat");
  const echo = await new Promise((resolve) => {
    socket.addEventListener("message", ({ data }) => resolve(data));
    socket.addEventListener("open", () => socket.send("over a socket"));
  });
  const sent = await client.worker.getOrCreate(["page"]).send("jobs", { text: "four" }, { wait: true, timeout: 5000 });
  await client.dispose();
  return JSON.stringify([...results, error, raw.body, echo, sent]);
};
`;

async function bundle(): Promise<string> {
  const entry = "\0page";
  const build = await rolldown({
    input: entry,
    platform: "browser",
    cwd: installPublished(),
    logLevel: "silent",
    plugins: [
      {
        name: "page",
        resolveId: (id) => {
          if (id === entry) return id;
          return id === "rivetkit/client" ? join(installPublished(), "dist", "browser", "client.js") : null;
        },
        load: (id) => (id === entry ? program : null),
      },
    ],
  });
  const { output } = await build.generate({ format: "esm", codeSplitting: false });
  await build.close();
  return output[0].code;
}

/** The registry behind TLS, with HTTP/2 for requests and HTTP/1.1 for WebSockets. */
function secureServer(registry: ReturnType<typeof peerRegistry>, directory: string) {
  const [key, cert] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const request = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-days", "1", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync("openssl", [...request, ...subject, "-keyout", key, "-out", cert], { stdio: "ignore" });
  const options = { key: readFileSync(key), cert: readFileSync(cert), allowHTTP1: true };
  const serve = async (incoming: Http2ServerRequest, outgoing: Http2ServerResponse): Promise<void> => {
    const { method, url } = incoming;
    const headers = Object.entries(incoming.headers).filter(([name]) => !name.startsWith(":"));
    const hasBody = method !== "GET" && method !== "HEAD" && method !== "OPTIONS";
    const body = hasBody ? { body: await buffer(incoming) } : {};
    const init = { method, headers: headers as [string, string][], ...body };
    const response = await registry.handler(new Request(`https://${incoming.authority}${url}`, init));
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else Readable.fromWeb(response.body).pipe(outgoing);
  };
  const server = createSecureServer(options, (incoming, outgoing) => void serve(incoming, outgoing));
  registry.attach(server);
  return server;
}

test("a page of another origin calls, listens and sends", { skip: missingChromium }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-peer-page-"));
  const registry = peerRegistry(directory);
  const code = await bundle();
  const pages = createServer((request, response) => {
    const isScript = request.url === "/page.js";
    response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? code : '<script type="module" src="/page.js"></script>');
  });
  const browser = await launchChromium();
  t.after(async () => {
    await browser.close();
    pages.close();
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });
  await new Promise<void>((resolve) => pages.listen(0, "127.0.0.1", resolve));
  const server = secureServer(registry, directory);
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const page = await browser.newPage({ ignoreHTTPSErrors: true });
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`);
  await page.waitForFunction("typeof window.run === 'function'", undefined, { timeout: 20_000 });
  const results = await page.evaluate(`window.run(${JSON.stringify(url)})`);
  assert.deepEqual(JSON.parse(String(results)), [
    ...[2, 3, 2, { user: "ann" }],
    ...[["user", "sold_out", 1], "hi", "over a socket", { status: "completed", response: { length: 4 } }],
  ]);
  assert.deepEqual(errors, []);
});
