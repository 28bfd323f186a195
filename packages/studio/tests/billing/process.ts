/** A process that is killed: usage and billing of an organization. Reads commands from its standard input, one a line. */
import { createInterface } from "node:readline";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { createBillingActor } from "../../src/backend/billing/actor.ts";
import type { BackendHost } from "../../src/backend/host.ts";
import { createUsageActor } from "../../src/backend/usage/usage.ts";
import { setUpBilling } from "../../src/billing/setup.ts";
import { stripeKey, webhookSecret } from "./support.ts";

const [path = "", dataDirectory = "", url = ""] = process.argv.slice(2);
const ports = systemPorts();
const billing = await setUpBilling({
  settings: { key: stripeKey, webhookSecret, url },
  ...{ dataDirectory, ports, origin: () => "http://localhost", studio: async () => "studio" },
  members: async () => 1,
  emailOf: async () => undefined,
  owners: async () => [],
});
const host = { ports, billing, configuredPrices: [], personOf: async () => ({ id: "operator" }) };
const use = {
  usage: createUsageActor(host),
  billing: createBillingActor(host as unknown as BackendHost),
};
const registry = createRegistry({ use, ports, store: () => openSqliteStore({ path, ports }) });
const call = (actor: "usage" | "billing", name: string, ...args: unknown[]) =>
  registry.client.getOrCreate(actor, ["local"]).action({ name, args });
const subject = {
  ...{ person: "ada", personName: "Ada", task: "t", title: "t", session: "s", agent: "a" },
  repository: "r",
};

for await (const line of createInterface({ input: process.stdin })) {
  const [verb, argument = ""] = line.split(" ");
  if (verb === "use") {
    const durationMs = Number(argument) * 60_000;
    const entry = {
      version: 1,
      id: `${Date.now()}/${Math.random()}`,
      at: Date.now(),
      kind: "sandbox",
      subject,
    };
    await call("usage", "internal.count", [{ ...entry, durationMs }]);
  } else if (verb === "choose") {
    process.stdout.write(`${JSON.stringify(await call("billing", "choosePlan", argument))}\n`);
    continue;
  } else await call("billing", "internal.run");
  process.stdout.write(`${line}\n`);
}
process.exit(0);
