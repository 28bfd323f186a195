/**
 * A host process of its own for tests that kill it: without jails, with an agent whose daemon goes its own way, and a
 * plugin that never looks up again. Says the pids of both, a line each.
 */
import { createGate } from "@holdfast/gate";
import { callTool } from "./plugin-support.ts";
import { firstLine, shell } from "./support.ts";

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: host-unconfined DATA_DIR");

const gate = await createGate({
  ...{ dataDir, vault: { env: {}, logins: false } },
  jails: { driver: "none", allowUnsafe: true },
});
const agent = await gate.jails.start(shell("setsid sleep 1000 & echo $!; sleep 1000"));
process.stdout.write(`${await firstLine(agent)}\n`);
const report = ({ progress }: { readonly progress: number }) => process.stdout.write(`${progress}\n`);
await callTool(gate, "busy_ever", {}, { onProgress: report, timeoutMs: 600_000 });
