/** What a program in a task's jail serves on a port: shown in a frame, over WebSockets too, and with no way out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, type PageOptions } from "./support/browser.ts";
import { assertFits, keepScreenshot, signIn, startTask, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

/**
 * A server as a build tool's: a page, an address that the page asks, a WebSocket that greets, and attempts to reach
 * `outside`, each by another way.
 */
const program = (outside: string) => `
const { createServer } = require("node:http");
const { createHash } = require("node:crypto");
const page = \`<!doctype html><title>App</title><h1>App in the jail</h1><p id="asked"></p><p id="greeted"></p><p id="cookie"></p>
<p id="studio">nothing</p><button id="leave">Leave</button>
<script>
const show = (id, text) => { document.getElementById(id).textContent = text; };
fetch("/asked").then((answer) => answer.text()).then((text) => show("asked", text));
new WebSocket("ws://" + location.host + "/hot").onmessage = ({ data }) => show("greeted", data);
const ways = [
  () => fetch("${outside}/fetch"),
  () => { new Image().src = "${outside}/image"; },
  () => document.head.append(Object.assign(document.createElement("script"), { src: "${outside}/script" })),
  () => { new WebSocket("${outside.replace("http", "ws")}/socket"); },
  () => navigator.sendBeacon("${outside}/beacon", "secret"),
  () => window.open("${outside}/window"),
  () => { top.location = "${outside}/top"; },
  () => document.body.append(Object.assign(document.createElement("iframe"), { src: "${outside}/frame" })),
  () => document.head.append(Object.assign(document.createElement("script"), { type: "speculationrules",
    textContent: JSON.stringify({ prefetch: [{ source: "list", urls: ["${outside}/speculated"], eagerness: "immediate" }] }) })),
];
for (const way of ways) try { Promise.resolve(way()).catch(() => {}); } catch {}
document.getElementById("leave").onclick = () => { location = "${outside}/left"; };
const looks = [
  () => parent.document.title,
  () => fetch(location.ancestorOrigins[0] + "/people/me", { credentials: "include" }).then((answer) => answer.status),
];
Promise.allSettled(looks.map(async (look) => look())).then((all) =>
  show("studio", all.map(({ status }) => status).join(" ")));
</script>\`;
const server = createServer((request, response) => {
  if (request.url === "/asked") {
    response.setHeader("set-cookie", "app=1; Path=/");
    return response.end("asked " + request.headers.host);
  }
  if (request.url === "/cookie") return response.end(String(request.headers.cookie));
  if (request.url === "/worker.js") return response.writeHead(200, { "content-type": "text/javascript" }).end("");
  response.writeHead(200, { "content-type": "text/html", "x-frame-options": "DENY",
    "content-security-policy": "img-src 'none'; report-uri ${outside}/report" });
  response.end(page);
});
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  socket.write("HTTP/1.1 101 Switching Protocols\\r\\nupgrade: websocket\\r\\nconnection: Upgrade\\r\\nsec-websocket-accept: " + accept + "\\r\\n\\r\\n");
  socket.write(Buffer.concat([Buffer.from([0x81, 7]), Buffer.from("greeted")]));
});
server.listen(5173, "127.0.0.1");`;

describe("previews of a task's ports", { skip: missing() ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let outside: Server;
  const reached: string[] = [];

  before(async () => {
    outside = createServer((request, response) => {
      reached.push(request.url ?? "");
      response.end();
    });
    outside.on("upgrade", (request, socket) => {
      reached.push(request.url ?? "");
      socket.destroy();
    });
    outside.listen(0, "127.0.0.1");
    await once(outside, "listening");
    browser = await launchChromium();
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    outside.closeAllConnections();
    outside.close();
  });

  /** A task in whose jail the program listens, and the list of its processes. */
  async function openTask(t: TestContext, options: PageOptions = {}): Promise<Page> {
    const page = await openPage(browser, t, { width: 1400, height: 900, ...options });
    await signIn(page, studio);
    await startTask(page, { prompt: "Add a line to the README without asking" });
    await waitForStatus(page, "idle");
    const { port } = outside.address() as AddressInfo;
    const answer = await page.request.post(`${page.url().split("?")[0]}/sandbox/v1/processes`, {
      data: { command: "node", args: ["-e", program(`http://127.0.0.1:${port}`)] },
    });
    assert.equal(answer.status(), 200, await answer.text());
    await page.getByRole("tab", { name: "Workspace" }).click();
    return page;
  }

  test("a port is shown in a pane, reaches its own server, and nothing else", async (t) => {
    const page = await openTask(t);
    await page.getByRole("tab", { name: "Processes" }).click();
    await page.getByRole("button", { name: "Preview port 5173" }).click();
    const app = page.frameLocator('iframe[title="Port 5173"]');
    await app.getByRole("heading", { name: "App in the jail" }).waitFor();
    await app.getByText("asked localhost:5173").waitFor();
    await app.getByText("greeted").waitFor();
    await app.getByText("rejected rejected").waitFor();
    await keepScreenshot(page, "preview-pane");
    const frame = page.frames().find((each) => each.url().includes(".localhost:"));
    assert.ok(frame);
    const address = frame.url();
    // The cookie of the program works, and the one that lets in is not its own.
    assert.equal(await frame.evaluate(`fetch("/cookie").then((answer) => answer.text())`), "app=1");
    assert.equal(await frame.evaluate("document.cookie.includes('holdfast')"), false);
    // It could show pages of its own, without the policy.
    const register = `navigator.serviceWorker.register("/worker.js").then(() => "has one", String)`;
    assert.match(String(await frame.evaluate(register)), /HTTP response code \(403\)/);
    await assertAccessible(page, "preview");
    await app.getByRole("button", { name: "Leave" }).click();
    // The frame shows an error of the browser in place of the page.
    await app.getByRole("heading", { name: "App in the jail" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Reload", exact: true }).click();
    await app.getByText("greeted").waitFor();
    assert.deepEqual(reached, []);

    const [tab] = await Promise.all([
      page.waitForEvent("popup"),
      page.getByRole("link", { name: "Open in a tab" }).click(),
    ]);
    await tab.frameLocator("iframe").getByText("greeted").waitFor();
    await tab.setViewportSize({ width: 320, height: 700 });
    await assertFits(tab, "preview in a tab");
    await assertAccessible(tab, "preview in a tab");
    await keepScreenshot(tab, "preview-tab");
    assert.deepEqual(reached, []);

    // The address of the frame alone opens nothing, and neither does a link that was used.
    const other = await openPage(browser, t);
    const answer = await other.goto(address);
    assert.equal(answer?.status(), 403);
    // What is open ends with the login.
    const statusOf = () =>
      page
        .frames()
        .find((each) => each.url().includes(".localhost:"))
        ?.evaluate(`fetch("/asked").then(({ status }) => status)`);
    assert.equal(await statusOf(), 200);
    assert.equal((await page.request.post(`${studio.url}/auth/end`)).status(), 204);
    assert.equal(await statusOf(), 404);
  });
});
