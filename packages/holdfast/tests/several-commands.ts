/**
 * Runs commands of `holdfast`, one after the other, in one process. Each comes as a message, and what it has written is
 * answered with its exit code.
 */
import type { CommandRequest, Finished } from "./support.ts";

const main = new URL("../src/cli/main.ts", import.meta.url).href;
const { stdout, stderr } = process;
const written = { stdout: "", stderr: "" };
const environment = { ...process.env };
let runs = 0;

async function run({ args, env, cwd }: CommandRequest): Promise<Finished> {
  Object.assign(written, { stdout: "", stderr: "" });
  const before = process.cwd();
  const own = { ...environment, ...env };
  for (const name of Object.keys(process.env)) if (own[name] === undefined) delete process.env[name];
  Object.assign(process.env, own);
  process.chdir(cwd);
  process.argv.splice(2, process.argv.length, ...args);
  process.exitCode = undefined;
  const restore = [captured("stdout"), captured("stderr")];
  try {
    runs += 1;
    // Another name for each, so that the module runs again.
    await import(`${main}?${runs}`);
    return { code: Number(process.exitCode ?? 0), ...written };
  } finally {
    for (const each of restore) each();
    process.exitCode = 0;
    process.chdir(before);
  }
}

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

// Each command adds its own.
for (const stream of [stdout, stderr]) stream.setMaxListeners(0);
process.on("message", (request: CommandRequest) => {
  void run(request).then((finished) => process.send?.(finished));
});
process.on("disconnect", () => process.exit());
