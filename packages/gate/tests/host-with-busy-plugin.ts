/** A host process of its own for tests that kill it: a plugin without a jail that never looks up again. */
import { createGate } from "@holdfast/gate";
import { callTool } from "./plugin-support.ts";

const [dataDir] = process.argv.slice(2);
if (dataDir === undefined) throw new Error("usage: host-with-busy-plugin DATA_DIR");

const gate = await createGate({
  ...{ dataDir, vault: { env: {}, logins: false } },
  jails: { driver: "none", allowUnsafe: true },
});
const report = ({ progress }: { readonly progress: number }) => process.stdout.write(`${progress}\n`);
await callTool(gate, "busy_ever", {}, { onProgress: report, timeoutMs: 600_000 });
