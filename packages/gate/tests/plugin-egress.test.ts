/** Ways out of plugins: a manifest names public addresses alone; the operator names any, and whole hosts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gateWith, handlerOf, manifestOf, resultOf } from "./plugin-support.ts";
import { startUpstream } from "./support.ts";

const ask = `
  const response = await fetch(args.url);
  const text = await response.text();
  return { ok: true, result: { status: response.status, text, ways: Object.keys(services.egress) } };`;

const plugin = (egress: readonly object[]) => ({
  "manifest.json": manifestOf([{ name: "ask", properties: { url: { type: "string" } } }], { egress }),
  "handler.js": handlerOf({ ask }),
});

const declared = [{ name: "api", url: "https://private.example" }];

test("a manifest cannot name a private address, the operator can", async (t) => {
  const upstream = await startUpstream(t, () => ({ chunks: ["inside"] }));
  const egress = { resolve: async () => ["127.0.0.1"] };
  const jails = { driver: "none", allowUnsafe: true } as const;
  const alone = await gateWith(t, { asker: plugin(declared) }, { egress, jails });
  const refused = await resultOf(alone.gate, "ask", { url: "https://private.example/x" });
  assert.equal(refused["status"], 403);
  assert.match(String(refused["text"]), /egress\.address_refused/);

  const grants = {
    asker: {
      egress: [
        {
          name: "api",
          baseUrl: upstream.url,
          provider: "none",
          allow: [{ methods: ["GET"], pathPrefix: "/" }],
          credential: { kind: "none" },
        },
      ],
    },
  } as const;
  const granted = await gateWith(t, { asker: plugin(declared) }, { egress, jails, plugins: { grants } });
  assert.deepEqual(await resultOf(granted.gate, "ask", { url: "https://private.example/x" }), {
    status: 200,
    text: "inside",
    ways: ["api"],
  });
});

test("an address is found in any spelling, and of two the one that says more", async (t) => {
  const upstream = await startUpstream(t, ({ url }) => ({ chunks: [String(url)] }));
  const wide = { name: "wide", url: "https://Api.Example:443" };
  const narrow = { name: "narrow", url: "https://api.example/v1/" };
  const grant = (name: string) =>
    ({
      name,
      baseUrl: `${upstream.url}/${name}`,
      provider: "none",
      allow: [{ methods: ["GET"], pathPrefix: "/" }],
      credential: { kind: "none" },
    }) as const;
  const { gate } = await gateWith(
    t,
    { asker: plugin([wide, narrow]) },
    {
      jails: { driver: "none", allowUnsafe: true },
      plugins: { grants: { asker: { egress: [grant("wide"), grant("narrow")] } } },
    },
  );
  const asked = async (url: string) => (await resultOf(gate, "ask", { url }))["text"];
  assert.equal(await asked("https://api.example/x"), "/wide/x");
  assert.equal(await asked("https://API.example:443/v1/x?y=1"), "/narrow/x?y=1");
});

test("hosts that the operator opens are reached by their own addresses, and no others", async (t) => {
  const upstream = await startUpstream(t, ({ url }) => ({ chunks: [String(url)] }), undefined, "127.0.0.2");
  const { port } = upstream;
  const { gate } = await gateWith(
    t,
    { asker: plugin([]) },
    {
      egress: { networks: ["127.0.0.2/32"], resolve: async () => ["127.0.0.2"] },
      jails: { driver: "none", allowUnsafe: true },
      plugins: { grants: { asker: { hosts: [{ host: "good.example", ports: [port] }] } } },
    },
  );
  const good = await resultOf(gate, "ask", { url: `http://good.example:${port}/a?b=c` });
  assert.deepEqual(good, { status: 200, text: "/a?b=c", ways: ["web"] });
  const bad = await resultOf(gate, "ask", { url: `http://bad.example:${port}/` });
  assert.equal(bad["status"], 403);
  assert.equal(upstream.requests.length, 1);
});
