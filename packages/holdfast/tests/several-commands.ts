/**
 * Runs several commands of `holdfast`, one after the other, in one process. Their arguments come as JSON; what each has
 * written, and its exit code, is printed as JSON at the end.
 */
import type { Finished } from "./support.ts";

const main = new URL("../src/cli/main.ts", import.meta.url).href;
const lists = JSON.parse(process.argv[2] ?? "[]") as readonly (readonly string[])[];
const { stdout, stderr } = process;
const written = { stdout: "", stderr: "" };
const restore = [captured("stdout"), captured("stderr")];
const results: Finished[] = [];
for (const [at, args] of lists.entries()) {
  written.stdout = "";
  written.stderr = "";
  process.argv.splice(2, process.argv.length, ...args);
  process.exitCode = undefined;
  // Another name for each, so that the module runs again.
  await import(`${main}?${at}`);
  results.push({ code: Number(process.exitCode ?? 0), ...written });
}
for (const each of restore) each();
process.exitCode = 0;
stdout.write(JSON.stringify(results), () => process.exit());

/** Keeps what is written to a stream; the returned function ends that. */
function captured(name: "stdout" | "stderr"): () => void {
  const stream = { stdout, stderr }[name];
  const { write } = stream;
  stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    written[name] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString("utf8");
    const callback = rest.at(-1);
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  };
  return () => {
    stream.write = write;
  };
}
