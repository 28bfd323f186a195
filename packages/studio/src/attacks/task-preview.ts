import { once } from "node:events";
import { Agent, createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import type { Duplex } from "node:stream";
import type { Attack } from "@holdfast/gate";
import { PreviewHosts } from "../previews/preview-hosts.ts";
import { Previews } from "../previews/previews.ts";
import { send, withPreviews } from "./preview.ts";

type Lab = Parameters<Attack["run"]>[0];

interface TaskPreview {
  readonly port: string;
  /** The link that the Studio puts into a frame. */
  readonly link: URL;
}

/** The previews of a Studio, in front of a sandbox server in which a program of an agent listens. */
async function withTaskPreview<T>(lab: Lab, use: (preview: TaskPreview) => Promise<T>): Promise<T> {
  return withPreviews(lab, async ({ server: sandbox, ports: [listening] }) => {
    class SandboxAgent extends Agent {
      override createConnection(): Duplex {
        return connect(Number(sandbox.port), sandbox.hostname);
      }
    }
    const route = { agent: new SandboxAgent(), prefix: "" };
    const hosts = new PreviewHosts(undefined, undefined);
    const previews = new Previews({ hosts, sandbox: () => route, now: Date.now });
    const server = createServer((incoming, response) => previews.request(incoming, response));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const port = String((server.address() as AddressInfo).port);
      const wish = { taskId: "task", port: listening, personId: "person", until: undefined };
      const { url } = previews.open({ ...wish, host: `127.0.0.1:${port}` });
      return await use({ port, link: new URL(url) });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}

export const taskPreviewAttacks: readonly Attack[] = [
  {
    id: "web.task_preview",
    group: "web",
    attempt:
      "a program in a task's jail, whose page a person looks at, uses their browser to send the workspace elsewhere; others enter the preview",
    must: "its page reaches its own server and nothing else, and only the person with the ticket sees it",
    layer:
      "previews of tasks: one policy for every page, headers that report are dropped, frames of the Studio alone",
    run: (lab) =>
      withTaskPreview(lab, async ({ port, link }) => {
        const ticket = link.hash.slice(1);
        const own = { host: link.host, origin: link.origin };
        const exchange = () => send(port, "/.holdfast/ticket", own, ticket);
        const cookie = (await exchange()).cookies[0]?.split(";", 1)[0] ?? "";
        const shown = await send(port, "/", { host: link.host, cookie });
        const statuses = [
          (await exchange()).status,
          (await send(port, "/", { host: link.host })).status,
          (await send(port, "/", { host: link.host, cookie, origin: "https://attacker.example" })).status,
          (await send(port, "/", { host: link.host, cookie, "sec-fetch-dest": "document" })).status,
          (await send(port, "/", { host: link.host, cookie, "service-worker": "script" })).status,
          (await send(port, "/", { host: `p-${"0".repeat(24)}.localhost`, cookie })).status,
        ];
        const policy = String(shown.headers["content-security-policy"]);
        const leaks = [
          /report|attacker|\*/.test(policy),
          !policy.startsWith("default-src 'self' "),
          shown.headers["refresh"] !== undefined,
          shown.cookies.some((each) => /domain|holdfast_preview/i.test(each)),
          shown.body.includes("holdfast_preview"),
        ].filter(Boolean);
        return {
          stopped: statuses.every((status) => status >= 401 && status <= 404) && leaks.length === 0,
          observed: `${[...new Set(statuses)].sort().join(", ")}; the page may load from its own address alone`,
          control: { worked: shown.status === 200, observed: "the person with the ticket sees the page" },
        };
      }),
  },
];
