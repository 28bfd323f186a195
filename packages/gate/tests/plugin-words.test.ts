/** Words of a plugin that are longer than what is told of them: where they are cut, no part of a secret is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Guest } from "./broker-support.ts";
import { gateWith, handlerOf, manifestOf, until } from "./plugin-support.ts";
import { missing } from "./support.ts";

const skip = missing("bwrap");
const secret = "canary-QWERTYUIOPASDFGHJKLZXCVBNM-0123456789-abcdefghijklmnopqrstuvwxyz";
/** Long enough to be known for a part of it. */
const part = secret.slice(0, 5);

test("no part of a secret is left where a plugin's progress, error, exception or print is cut", {
  skip,
}, async (t) => {
  const logged: string[] = [];
  const take = (message: string, fields?: unknown) => logged.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: take, info: take, warn: take, error: take, child: () => log };
  const token = "services.readCredential('TOKEN')";
  const tools = {
    words_progress: `context.progress({ progress: 1, message: "x".repeat(args.before) + ${token} });
      return { ok: true, result: {} };`,
    words_error: `return { ok: false, error: { code: "BAD", message: ${token}.repeat(200), retriable: false } };`,
    words_throw: `throw "x".repeat(args.before) + ${token};`,
    words_print: `const text = ${token} + "\\n" + "x".repeat(args.before);
      await new Promise((written) => process.stderr.write(text, written));
      process.exit(3);`,
  };
  const before = { before: { type: "integer" } };
  const { gate } = await gateWith(
    t,
    {
      words: {
        "manifest.json": manifestOf(Object.keys(tools).map((name) => ({ name, properties: before }))),
        "handler.js": handlerOf(tools),
      },
    },
    { log },
  );
  await gate.plugins.setCredential("words", "TOKEN", secret);
  const guest = await Guest.start(t, gate);
  guest.open("agent", "agent").order({ do: "subscribe", topics: [""] });
  await guest.take(({ text }) => text === "subscribed");

  for (const before of [930, 990, 999, 1_020]) {
    guest.send("agent", "tool.invoke.words_progress", `after-${before}`, { before });
    const { text } = await guest.take(({ name }) => name.endsWith(`after-${before}`));
    assert.ok(text.includes("xxx") && !text.includes(part), text);
  }

  const { message } = await guest.refused("agent", "words_error", {});
  assert.ok(message.startsWith("[redacted]") && !message.includes(part), message);

  for (const before of [7_930, 7_990]) await guest.refused("agent", "words_throw", { before });
  const told = logged.filter((line) => line.includes("a plugin's handler failed"));
  assert.equal(told.length, 2);
  assert.deepEqual(
    told.filter((line) => line.includes(part)),
    [],
  );

  // Of what it prints the last 8 KiB are kept: the cut falls into the secret, at its end and behind it.
  for (const before of [8_130, 8_190, 8_300]) await guest.refused("agent", "words_print", { before });
  const printed = () => logged.filter((line) => line.includes("a plugin crashed"));
  await until("each crash is told", () => printed().length === 3);
  assert.ok(printed().every((line) => line.includes("xxx")));
  const tail = secret.slice(-10);
  assert.deepEqual(
    printed().filter((line) => line.includes(part) || line.includes(tail)),
    [],
  );
});
