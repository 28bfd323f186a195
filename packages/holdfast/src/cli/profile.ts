import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { countOf, dataDirectoryOf, jsonLine, notRunning, oneArgument, parse, verbOf } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { findServer } from "./management-client.ts";

export const profileUsage = `holdfast profile KIND [options]

  cpu             where the server spends CPU time: a .cpuprofile
  heap            all objects in its memory: a .heapsnapshot. The server stands still while it is made, about a second
                  for each 100 MB, and the file contains whatever the server knows, secrets too

  --seconds N     how long to measure, 1 to 60 (default: 10); for cpu
  --output FILE   where to write it (default: holdfast-TIME.cpuprofile or .heapsnapshot)
  --url URL       the server, or one node of a cluster (default: HOLDFAST_ENDPOINT, or the one on the data directory)
  --token TOKEN   the token of its inspector (default: HOLDFAST_INSPECTOR_TOKEN)
  --data DIR      data directory (default: HOLDFAST_DATA or .holdfast)
  --json          one JSON value on standard output: { kind, file }

The developer tools of Chromium open both: Performance and Memory, Load profile.`;

const options = {
  seconds: { type: "string" },
  output: { type: "string" },
  url: { type: "string" },
  token: { type: "string" },
} as const;

const kinds = ["cpu", "heap"] as const;
const extensions = { cpu: "cpuprofile", heap: "heapsnapshot" } as const;

export async function profileCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (values.help === true) {
    console.log(profileUsage);
    return 0;
  }
  const kind = verbOf(
    "profile",
    kinds,
    positionals.length === 0 ? undefined : oneArgument(positionals, "The kind"),
  );
  const seconds = countOf(values.seconds, "--seconds");
  const time = new Date().toISOString().replace(/[:.]/g, "-");
  const file = values.output ?? `holdfast-${time}.${extensions[kind]}`;
  const server = { url: values.url, token: values.token, dataDirectory: dataDirectoryOf(values.data) };
  const client = await findServer(server);
  if (client === undefined) throw notRunning();
  try {
    const query = kind === "cpu" && seconds !== undefined ? `?seconds=${seconds}` : "";
    const { body } = await client.fetch("GET", `/profile/${kind}${query}`);
    if (body !== null) await write(file, body);
  } finally {
    await client.close?.();
  }
  console.log(values.json === true ? jsonLine({ kind, file }) : file);
  return 0;
}

/** Readable by its owner only, as it may contain secrets. Overwrites nothing. */
async function write(file: string, body: ReadableStream): Promise<void> {
  const output = createWriteStream(file, { flags: "wx", mode: 0o600 });
  try {
    await pipeline(Readable.fromWeb(body as never), output);
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new HoldfastError("profile", "cannot_write", `${file} cannot be written: ${reason}`, { cause });
  }
}
