import { randomBytes } from "node:crypto";
import { Sanitizer } from "../../packages/gate/src/broker/messages/sanitizer.ts";
import { KnownSecrets } from "../../packages/gate/src/vault/redaction/known-secrets.ts";
import { ensure, interleave, median, most, type Outcome, type Scenario } from "../internal/scenario.ts";

const secrets = 1_000;

/** Typical tool result of about one mebibyte: records with prose, numbers, paths and ids. */
function document(): { text: string; value: unknown } {
  const value = Array.from({ length: 2_600 }, (_, n) => ({
    id: randomBytes(16).toString("hex"),
    path: `/workspace/packages/module-${n}/src/index.ts`,
    title: `Commit number ${n} mends the order of two events: it was a race`,
    body: "The quick brown fox jumps over the lazy dog, and the dog's log says so. ".repeat(3),
    lines: [n, n * 7, n * 13],
  }));
  return { text: JSON.stringify(value), value };
}

async function measure(): Promise<Outcome> {
  const known = new KnownSecrets();
  const values = Array.from({ length: secrets }, () => `sk-${randomBytes(24).toString("base64url")}`);
  for (const value of values) known.add(value);
  const sanitizer = new Sanitizer(known);
  const { text, value } = document();
  ensure(sanitizer.json(text, value).redactions === 0, "nothing of the document is a secret");
  const planted = { ...Object(value), found: [values[999], { [String(values[0])]: 1 }] };
  const clean = sanitizer.json(JSON.stringify(planted), planted);
  ensure(clean.redactions === 2, "both secrets are found");
  const samples = await interleave({
    clean: () => {
      const startedAt = performance.now();
      for (let n = 0; n < 20; n++) sanitizer.json(text, value);
      return (20 * text.length) / ((performance.now() - startedAt) / 1_000) / 1e6;
    },
  });
  const best = most(samples.clean);
  return {
    figures: [
      {
        name: "bytes a second",
        value: best * 1e6,
        unit: "/s",
        detail: `${best.toFixed(0)} MB/s, median ${median(samples.clean).toFixed(0)}; 1,000 known values in all forms, and the patterns`,
      },
    ],
    floors: [{ name: "sanitised bytes", value: best * 1e6, limit: 100e6, unit: "/s", better: "more" }],
    samples,
  };
}

export const sanitizer: Scenario = { name: "sanitizer", run: measure };
