/** One process of a plugin whose other end is no runtime of ours, in a real jail. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { PluginProcess } from "../src/plugins/process/plugin-process.ts";
import { encodeFrame } from "../src/plugins/runtime/frames.ts";
import { channelVersion } from "../src/plugins/runtime/messages.ts";
import { KnownSecrets } from "../src/vault/redaction/known-secrets.ts";
import { missing, openGate, shell } from "./support.ts";

const skip = missing("bwrap");

/** A process that says it is ready, and then `message`. */
async function processThatSays(t: TestContext, message: unknown) {
  const gate = await openGate(t);
  const said = Buffer.concat([encodeFrame({ type: "ready", handles: [] }), encodeFrame(message)]);
  const script = `echo ${said.toString("base64")} | base64 -d; cat >/dev/null`;
  const jail = await gate.jails.start(shell(script));
  const crash = Promise.withResolvers<string>();
  const start = { directory: "/", dataDirectory: "/", folders: {} };
  const process = await PluginProcess.start(
    { jail, confined: true, presented: "", start, close: async () => {} },
    {
      ...{ type: "start", version: channelVersion, plugin: "one", ...start, credentials: {}, config: {} },
      ...{ catalog: [], channels: false, verifyOnly: false, needsResolveSession: false },
    },
    {
      onQuestion: async () => null,
      onCrash: (detail) => crash.resolve(detail),
      scanner: () => new KnownSecrets().scanner(),
    },
  );
  return { process, crashed: crash.promise };
}

test("a message of an unknown kind ends the process, and one that has ended is asked nothing", {
  skip,
}, async (t) => {
  const { process, crashed } = await processThatSays(t, { type: "root", id: 1 });
  assert.match(await crashed, /a message of an unknown type/);
  await assert.rejects(
    process.request({ type: "verify" }, { timeoutMs: 60_000 }),
    (error) => isErrorCode(error, "plugin", "unavailable") && /has ended/.test(error.message),
  );
});
