import type { Attack } from "./attack.ts";
import { authorityPath, prelude, summary, withEgress } from "./network.ts";

/** Source of functions that open a tunnel and send requests through it. */
const inTunnels = (host: string) => `${prelude}
  import fs from "node:fs";
  import tls from "node:tls";
  const ca = fs.readFileSync("${authorityPath}");
  const tunnel = (to) => new Promise((done) => {
    const request = http.request({ socketPath: "/run/holdfast/egress.sock", method: "CONNECT", path: to });
    request.on("connect", (response, socket) => done(response.statusCode === 200 ? socket : response.statusCode + " no tunnel"));
    request.on("error", (error) => done(error.code)); request.end();
  });
  const said = (socket, words) => new Promise((done) => {
    let text = "";
    const end = () => done(/^HTTP/.test(text) ? text.slice(9, 12) + " " + (/"code":\\s*"([^"]+)"/.exec(text)?.[1] ?? "") : "closed");
    socket.setTimeout(5000, () => socket.destroy());
    socket.on("data", (bytes) => { text += bytes; });
    socket.on("error", end); socket.on("close", end);
    socket.write(words);
  });
  const inside = async (words, servername = "${host}") => {
    const socket = await tunnel("${host}:443");
    return typeof socket === "string" ? socket : said(tls.connect({ socket, servername, ca, checkServerIdentity: () => undefined }), words);
  };
  const of = (method, target, ...fields) =>
    [method + " " + target + " HTTP/1.1", ...(fields.some((each) => /^host:/i.test(each)) ? [] : ["Host: ${host}"]), ...fields, "Connection: close", "", ""].join("\\r\\n");`;

export const tunnelAttacks: readonly Attack[] = [
  {
    id: "network.intercept",
    group: "network",
    attempt:
      "in an intercepted tunnel: other paths and methods, another host in TLS or in the request, a nested tunnel, no TLS",
    must: "each request is checked like one outside of a tunnel",
    layer: "egress proxy: intercepts tunnels to hosts with path rules",
    run: async (lab) => {
      const host = lab.names.steady;
      const answers = await withEgress(
        lab,
        `${inTunnels(host)} const answers = {};
        for (const target of ["/private", "/public/../private", "/public/%2e%2e/private", "/public/..;/private", "https://${host}/private", "/public/page?_method=DELETE"])
          answers[target] = await inside(of("GET", target));
        answers.method = await inside(of("POST", "/public/page", "Content-Length: 0"));
        answers.host = await inside(of("GET", "/public/page", "Host: other.attack.example"));
        answers.hosts = await inside(of("GET", "/public/page", "Host: ${host}", "Host: other.attack.example"));
        answers.upgrade = await inside(of("GET", "/public/page", "Upgrade: websocket"));
        answers.name = await inside(of("GET", "/public/page"), "other.attack.example");
        answers.out = await inside(of("CONNECT", "${host}:443"));
        const bare = await tunnel("${host}:443");
        answers.bare = typeof bare === "string" ? bare : await said(bare, of("GET", "/public/page"));
        answers.elsewhere = String(await tunnel("other.attack.example:443"));
        say({ ...answers, plain: await inside(of("GET", "/public/page")) });`,
        { hosts: [{ host, pathPrefix: "/public" }], intercept: true },
      );
      const { plain, ...bad } = answers;
      return {
        stopped: Object.values(bad).every((each) => /^4\d\d /.test(each) || each === "closed"),
        observed: summary(bad),
        control: {
          // No server of that name has a trusted certificate, so dialling it counts as success.
          worked: plain === "502 upstream_unreachable",
          observed: "an allowed request in such a tunnel reaches the host",
        },
      };
    },
  },
];
