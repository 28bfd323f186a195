import { createPublicKey } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { dataDirectoryOf, harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import {
  type AuditQuery,
  type AuditVerification,
  auditFormats,
  type ChainVerification,
  exportRecords,
  openAudit,
  parseCheckpoint,
} from "@holdfast/gate";
import { gateNodeOf } from "./gate-of.ts";

export const auditUsage = `holdfast audit verify | query | export | checkpoint

  verify             checks every record, the chain and the signed checkpoints; exit code 1 on a fault.
                     On a node of a cluster: the chains of all nodes
    --against FILE   also compares with a checkpoint that was stored elsewhere
    --key FILE       public key (PEM) for the check, instead of the one in the data directory
  query              prints the newest matching records; on a node of a cluster, those of all nodes
    --limit N        maximum number of records (default: 50)
    --node NAME      only those of this node
  export             all records that match, to standard output
    --format NAME    ${auditFormats.join(" or ")} (default: ${auditFormats[0]})
  checkpoint         prints the signed end of the log; stored elsewhere, it proves that nothing was cut off

  --type KIND        a type, or a prefix with "*": "egress.*"
  --session ID, --jail ID, --after SEQ, --since TIME, --until TIME (ISO 8601 or milliseconds)
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             machine-readable output

All commands can be used while a server runs. Those about all nodes need it.`;

const options = {
  against: { type: "string" },
  key: { type: "string" },
  limit: { type: "string" },
  node: { type: "string" },
  format: { type: "string" },
  type: { type: "string" },
  session: { type: "string" },
  jail: { type: "string" },
  after: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
} as const;

type Values = ReturnType<typeof parse<typeof options>>["values"];

export async function auditCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    console.log(auditUsage);
    return 0;
  }
  noArguments(rest);
  switch (verbOf("audit", ["verify", "query", "export", "checkpoint"], verb)) {
    case "verify":
      return verify(values);
    case "query":
      return query(values);
    case "export":
      return exportAll(values);
    case "checkpoint":
      return checkpoint(values);
  }
}

/** Opens the audit log. Throws `audit.not_found` if there is none, because a missing log must not pass as verified. */
async function openReader(values: Values) {
  const publicKey = values.key === undefined ? undefined : await readKey(values.key);
  const dataDirectory = dataDirectoryOf(values.data);
  const parts = ["audit.log", "audit.checkpoints"].map((name) => join(dataDirectory, "gate", name));
  if (parts.some((path) => existsSync(path))) return openAudit(dataDirectory, publicKey);
  throw new HoldfastError(
    "audit",
    "not_found",
    `There is no audit log in the data directory ${dataDirectory}`,
  );
}

async function verify(values: Values): Promise<number> {
  const node = gateNodeOf(dataDirectoryOf(values.data));
  if (node !== undefined && values.against === undefined && values.key === undefined)
    return printChains(await node.verifyAudit(), values.json === true);
  const reader = await openReader(values);
  const checkpoint =
    values.against === undefined ? undefined : parseCheckpoint(await readText(values.against));
  if (values.against !== undefined && checkpoint === undefined) {
    throw new UsageError(`${values.against} does not contain a checkpoint`);
  }
  const result = await reader.verify(checkpoint);
  if (values.json === true) {
    console.log(jsonLine(result));
  } else if (result.ok) {
    const signed =
      result.checkpoints === undefined
        ? "no public key was found, so the checkpoints were not checked"
        : `signed up to record ${result.signedTo ?? 0} by ${result.checkpoints} ${result.checkpoints === 1 ? "checkpoint" : "checkpoints"}`;
    console.log(`ok: ${result.records} records; ${signed}`);
  } else {
    console.log(`FAULT at line ${result.line ?? 0}: ${result.problem ?? "unknown"}`);
  }
  return result.ok ? 0 : 1;
}

function printChains(chains: readonly ChainVerification[], json: boolean): number {
  for (const each of chains) {
    if (json) {
      console.log(jsonLine(each));
      continue;
    }
    console.log(harmless(`${each.node.padEnd(20)} ${each.ok ? "ok" : "FAULT"}  chain ${each.chain}`));
    for (const line of chainLines(each)) console.log(`  ${harmless(line)}`);
  }
  return chains.every(({ ok }) => ok) ? 0 : 1;
}

function chainLines({ stored, signed, files }: ChainVerification): string[] {
  const until =
    signed === undefined
      ? "nothing signed"
      : `signed up to record ${signed.seq} at ${new Date(signed.at).toISOString()}`;
  const faultOf = ({ line, problem }: AuditVerification) =>
    `FAULT at line ${line ?? 0}: ${problem ?? "unknown"}`;
  return [
    `copy in the store: ${stored.ok ? `${stored.records} records, ${until}` : faultOf(stored)}`,
    files === undefined
      ? "files: not checked, because the node is not running. Later records than those of the copy may be missing"
      : `files of the node: ${files.ok ? `${files.records} records` : faultOf(files)}`,
  ];
}

async function query(values: Values): Promise<number> {
  const limit = parseNumber(values.limit, "--limit") ?? 50;
  const filter = { ...readFilter(values), limit, newest: true };
  const node = gateNodeOf(dataDirectoryOf(values.data));
  if (values.node !== undefined && node === undefined)
    throw new UsageError("--node is for a node of a cluster");
  const records = await (node?.queryAudit({
    ...filter,
    ...(values.node === undefined ? {} : { node: values.node }),
  }) ?? (await openReader(values)).query(filter));
  for (const record of records) {
    if (values.json === true) {
      console.log(jsonLine(record));
      continue;
    }
    const subject = [record.jailId, record.session].filter((each) => each !== undefined).join(" ");
    const data = record.data === undefined ? "" : jsonLine(record.data);
    const head = `${String(record.seq).padStart(6)}  ${new Date(record.at).toISOString()}`;
    const place = node === undefined ? "" : `${(record.node ?? "").padEnd(16)} `;
    console.log(`${head}  ${harmless(`${place}${record.type.padEnd(22)} ${subject}`)}  ${data}`);
  }
  return 0;
}

async function exportAll(values: Values): Promise<number> {
  const format = auditFormats.find((each) => each === (values.format ?? auditFormats[0]));
  if (format === undefined) throw new UsageError(`--format must be one of: ${auditFormats.join(", ")}`);
  if (format === "csv" && values.json === true)
    throw new UsageError("--format csv and --json exclude each other. Leave one out.");
  const reader = await openReader(values);
  const lines = exportRecords(reader.records(readFilter(values)), format);
  // A file gets the unmodified records; a terminal gets them with control characters escaped.
  const output = process.stdout.isTTY === true ? Readable.from(lines).map(harmless) : Readable.from(lines);
  await pipeline(output, process.stdout, { end: false });
  return 0;
}

async function checkpoint(values: Values): Promise<number> {
  const last = await (await openReader(values)).checkpoint();
  if (last === undefined) {
    process.stderr.write("There is no checkpoint yet.\n");
    return 1;
  }
  console.log(jsonLine(last));
  return 0;
}

function readFilter(values: Values): Omit<AuditQuery, "limit" | "newest"> {
  const after = parseNumber(values.after, "--after");
  const since = parseTime(values.since, "--since");
  const until = parseTime(values.until, "--until");
  return {
    ...(values.type === undefined ? {} : { type: values.type }),
    ...(values.session === undefined ? {} : { session: values.session }),
    ...(values.jail === undefined ? {} : { jailId: values.jail }),
    ...(after === undefined ? {} : { after }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

function parseNumber(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${option} must be a whole number`);
  return Number(text);
}

function parseTime(text: string | undefined, option: string): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{10,}$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isNaN(time)) throw new UsageError(`${option} must be a time, for example 2026-01-31T12:00:00Z`);
  return time;
}

/** Reads a public key in PEM format. */
async function readKey(path: string): Promise<string> {
  const text = await readText(path);
  try {
    createPublicKey(text);
    return text;
  } catch {
    throw new UsageError(`${path} does not contain a public key in PEM format`);
  }
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new UsageError(`${path} cannot be read`);
  }
}
