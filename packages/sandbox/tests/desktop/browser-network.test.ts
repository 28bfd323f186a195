/** A browser on a desktop whose server has a proxy: it asks the proxy for everything, and trusts its authority. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findProgram } from "../../src/desktop/display/programs.ts";
import { DesktopApi } from "./desktop-api.ts";

const needed = ["chromium", "dbus-daemon", "openssl"];
const missing = needed.find((name) => findProgram(name, process.env["PATH"]) === undefined);

interface Site {
  readonly key: string;
  /** With the authority's certificate after that of the site. */
  readonly cert: string;
  readonly authority: string;
}

/** Issues a certificate for `host` by a new authority. */
async function issue(directory: string, host: string): Promise<Site> {
  const path = (name: string) => join(directory, `${host}.${name}`);
  const openssl = (...args: readonly string[]) => execFileSync("openssl", args, { stdio: "pipe" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  openssl("req", "-x509", ...newKey, "-keyout", path("ca.key"), "-out", path("ca"), "-subj", "/CN=CA");
  openssl("req", ...newKey, "-keyout", path("key"), "-out", path("csr"), "-subj", `/CN=${host}`);
  await writeFile(path("ext"), `subjectAltName=DNS:${host}\n`);
  const signer = ["-CA", path("ca"), "-CAkey", path("ca.key"), "-CAcreateserial"];
  openssl(
    "x509",
    "-req",
    "-in",
    path("csr"),
    ...signer,
    "-days",
    "2",
    "-extfile",
    path("ext"),
    "-out",
    path("crt"),
  );
  const [key, own, authority] = await Promise.all(
    ["key", "crt", "ca"].map((name) => readFile(path(name), "utf8")),
  );
  return { key: key ?? "", cert: `${own}${authority}`, authority: path("ca") };
}

/** A proxy that ends the tunnels to these sites itself, and refuses all others. */
async function startProxy(t: TestContext, sites: Readonly<Record<string, Site>>, answer: RequestListener) {
  const asked: string[] = [];
  const servers = Object.entries(sites).map(([host, { key, cert }]) => {
    return [`${host}:443`, createTlsServer({ key, cert }, answer)] as const;
  });
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(403).end();
  });
  proxy.on("connect", ({ url = "" }, socket) => {
    asked.push(url);
    socket.on("error", () => {});
    const site = servers.find(([name]) => name === url)?.[1];
    socket.write(`HTTP/1.1 ${site ? "200 OK" : "403 Forbidden"}\r\n\r\n`);
    if (site) site.emit("connection", socket);
    else socket.end();
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return { asked, origin: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
}

test("a browser reaches what the proxy of the server allows", {
  timeout: 120_000,
  skip: missing && `needs ${missing}`,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-proxy-"));
  t.after(() => rm(directory, { recursive: true }));
  const [allowed, foreign] = await Promise.all([
    issue(directory, "allowed.test"),
    issue(directory, "foreign.test"),
  ]);
  const sites = { "allowed.test": allowed, "foreign.test": foreign };
  const proxy = await startProxy(t, sites, (_request, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<h1>Here it is</h1>");
  });
  const api = await DesktopApi.start(t, { desktop: { proxy: proxy.origin, authority: allowed.authority } });
  await api.post("start", { width: 1_000, height: 700 });
  await api.post("open", { target: "https://allowed.test/" });
  const shows = async (name: string) => await api.post("tree/click", { name, timeoutMs: 20_000 });
  const open = async (address: string) => {
    await api.post("tree/click", { name: "Address and search bar" });
    await api.post("keyboard/type", { text: `${address}\n` });
  };
  await shows("Here it is");
  await open("https://refused.test/");
  await shows("ERR_TUNNEL_CONNECTION_FAILED");
  // Another authority than that of the proxy is not trusted.
  await open("https://foreign.test/");
  await shows("net::ERR_CERT_AUTHORITY_INVALID");
  for (const host of ["allowed.test", "refused.test", "foreign.test"]) {
    assert.ok(proxy.asked.includes(`${host}:443`), proxy.asked.join(" "));
  }
});
