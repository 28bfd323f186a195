import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { clusterOptions } from "./cluster-options.ts";

const secret = "the secret of the options";
const advertise = "http://10.0.0.5:6421";
const pool = { url: "https://a.example.com/x" };

test("the environment tells the serverless processes of a program from the others", () => {
  const given = { secret, advertise, serverless: { idleMs: 5_000 } };
  const read = (environment: Readonly<Record<string, string>>) => {
    const { advertise: address, serverless } = clusterOptions(given, environment) ?? {};
    return { address, serverless };
  };
  const idle = { idleMs: 5_000 };
  assert.deepEqual(read({ HOLDFAST_SERVERLESS: "1" }), { address: undefined, serverless: idle });
  assert.deepEqual(read({ HOLDFAST_SERVERLESS: "0" }), { address: advertise, serverless: undefined });
  const other = "http://10.0.0.6:6421";
  assert.deepEqual(read({ HOLDFAST_ADVERTISE: other }), { address: other, serverless: undefined });
  assert.deepEqual(clusterOptions({ secret, serverless: true }, {}), { secret, serverless: {} });
});

test("pools of the environment replace those of the program", () => {
  const text = "https://b.example.com/y?z=1, gpu=https://c.example.com";
  const options = clusterOptions(
    { secret, advertise, serverlessPools: [pool] },
    { HOLDFAST_SERVERLESS_POOLS: text },
  );
  assert.deepEqual(options?.serverlessPools, [
    { url: "https://b.example.com/y?z=1" },
    { url: "https://c.example.com", name: "gpu" },
  ]);
});

test("what cannot be is refused", () => {
  const wrong: readonly (readonly [Parameters<typeof clusterOptions>[0], Record<string, string>])[] = [
    [{ secret, advertise, serverless: true }, {}],
    [{ secret }, { HOLDFAST_SERVERLESS: "1", HOLDFAST_ADVERTISE: advertise }],
    [{ secret, advertise }, { HOLDFAST_SERVERLESS: "yes" }],
    [{ secret }, {}],
    [{ serverless: true }, {}],
    [{ secret, serverless: { idleMs: 0 } }, {}],
    [{ secret, advertise }, { HOLDFAST_SERVERLESS_POOLS: "app.example.com" }],
    [{ secret, advertise, serverlessPools: [pool, pool] }, {}],
    [{ secret, advertise, serverlessPools: [{ ...pool, lifespanMs: 1_000, graceMs: 1_000 }] }, {}],
  ];
  for (const [given, environment] of wrong) {
    assert.throws(
      () => clusterOptions(given, environment),
      (error) => isErrorCode(error, "gateway", "invalid_config"),
      JSON.stringify([given, environment]),
    );
  }
});
