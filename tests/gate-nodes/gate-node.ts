/** A gate as a node of a cluster in a process of its own, forked by the tests: it spends a budget until it is refused. */
import { once } from "node:events";
import { request } from "node:http";
import type { Egress } from "@holdfast/gate";
import { joinCluster } from "./join-cluster.ts";

const [dataDir = "", upstream = "", tokens = ""] = process.argv.slice(2);
const { name, gate, leave } = await joinCluster(dataDir, 3_000, {
  egress: { budgets: [{ scope: "organization", period: "always", tokens: Number(tokens) }] },
});
const egress = await gate.openEgress({
  ...{ jailId: "j", session: `session of ${name}`, organization: "acme" },
  upstreams: [
    {
      ...{ name: "model", baseUrl: upstream, provider: "anthropic" },
      allow: [{ methods: ["POST"], pathPrefix: "/v1" }],
      credential: { kind: "none" },
    },
  ],
});
process.send?.("ready");
await once(process, "message");
let calls = 0;
while ((await call(egress)) === 200) calls += 1;
process.send?.({ calls });
await once(process, "message");
await leave();
process.disconnect();

function call({ socketPath }: Egress): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { socketPath, method: "POST", path: "/model/v1/messages", agent: false };
    request(options, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
    })
      .once("error", reject)
      .end(JSON.stringify({ model: "m", max_tokens: 50, messages: [] }));
  });
}
