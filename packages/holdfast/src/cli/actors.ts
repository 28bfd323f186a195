import { createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { countOf, dataDirectoryOf, didYouMean, harmless, parse, UsageError } from "@holdfast/cli";
import { decodeJson, encodeJson, HoldfastError, isErrorCode } from "@holdfast/core";
import { offlineActors } from "./actors-offline.ts";
import {
  actorPathOf,
  addressOf,
  findServer,
  idOf,
  inNamespace,
  type ManagementClient,
} from "./management-client.ts";

export const actorsUsage = `holdfast actors VERB [ACTOR] [options]

An ACTOR is NAME/ID, NAME/KEY or NAME/PART/PART ("@" and the text of a key where a part has a slash).

  list [NAME]              actors: --prefix TEXT, --status running|sleeping, --limit N, --cursor C, --created-after TIME
  count [NAME]             how many, with the same filters
  get ACTOR                everything about one: state, connections, queues, schedules, workflow
  state ACTOR [JSON]       its state; with JSON, replaces it
  call ACTOR ACTION [JSON...]   calls an action with these arguments
  sleep ACTOR              puts it to sleep
  destroy ACTOR...         ends actors and their data; or all of a NAME that fit: --all NAME --prefix TEXT
  at ACTOR --time TIME     its state as it was
  fork ACTOR KEY [--time TIME]  makes another of it, as it is or was
  export ACTOR FILE        all of it, as one file ("-": standard output)
  import FILE [ACTOR]      makes an actor of such a file ("-": standard input)
  queue ACTOR [list | send QUEUE JSON | dead | retry ID | delete ID | clear]
  schedules ACTOR [list | history NAME | run NAME | pause NAME | resume NAME | retry ID | delete NAME]
  workflow ACTOR [history | replay [ENTRY] | cancel [REASON]]
  sql ACTOR [SQL]          runs SQL; without it, the tables
  kv ACTOR [PREFIX]        key-value entries
  logs ACTOR               the last records of its log
  token ACTOR              the token of its inspector

  --url URL        the server (default: HOLDFAST_ENDPOINT, or the one that runs on the data directory)
  --token TOKEN    the token of its inspector (default: HOLDFAST_INSPECTOR_TOKEN)
  --namespace NAME  the namespace of the actors (default: HOLDFAST_NAMESPACE); takes its token, too
  --data DIR       data directory (default: HOLDFAST_DATA or .holdfast); where no server runs on it,
                   list, count, state, at and export read it
  --json           one JSON value on standard output

A TIME is milliseconds since the epoch or an ISO date.`;

const options = {
  url: { type: "string" },
  token: { type: "string" },
  namespace: { type: "string" },
  prefix: { type: "string" },
  status: { type: "string" },
  limit: { type: "string" },
  cursor: { type: "string" },
  "created-after": { type: "string" },
  time: { type: "string" },
  all: { type: "boolean" },
} as const;

type Values = ReturnType<typeof parse<typeof options>>["values"];

export async function actorsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, options);
  if (values.help === true) {
    console.log(actorsUsage);
    return 0;
  }
  const [verb, ...rest] = positionals;
  if (verb === undefined || !Object.hasOwn(verbs, verb)) {
    const meant = didYouMean(verb ?? "", Object.keys(verbs));
    throw new UsageError(verb === undefined ? "A verb is missing" : `There is no "actors ${verb}".${meant}`);
  }
  const server = { url: values.url, token: values.token, dataDirectory: dataDirectoryOf(values.data) };
  const found = (await findServer(server)) ?? offlineActors(server.dataDirectory);
  const client = inNamespace(found, values.namespace);
  const run = verbs[verb];
  if (run === undefined) throw new UsageError(`There is no "actors ${verb}"`);
  try {
    await run({ client, values, rest, print: printer(values.json === true) });
  } catch (error) {
    const name = rest[0]?.split("/")[0];
    const id = idOf(rest[0] ?? "");
    if (id === undefined || !isErrorCode(error, "actor", "not_found")) throw error;
    // Text in the form of an id is treated as an id, although a key may look the same.
    const message = `No actor has the id ${id}. If that is its key, write ${addressOf(name ?? "", [id])}`;
    throw new HoldfastError("actor", "not_found", message);
  } finally {
    await client.close?.();
  }
  return 0;
}

interface Command {
  readonly client: ManagementClient;
  readonly values: Values;
  /** The arguments after the verb. */
  readonly rest: readonly string[];
  print(value: unknown, lines?: (value: never) => readonly string[]): void;
}

type Verb = (command: Command) => Promise<void>;

const verbs: Readonly<Record<string, Verb>> = {
  async list({ client, values, rest, print }) {
    const [name] = atMost(rest, 1);
    const page = await client.ask("GET", `/actors?${filter(name, values)}`);
    print(page, ({ actors, cursor, unanswered }: SummaryPage) => [
      ...(actors.length === 0 ? ["No actors found."] : actors.map(line)),
      ...(cursor === undefined ? [] : [`More: --cursor ${cursor}`]),
      ...silent(unanswered),
    ]);
  },
  async count({ client, values, rest, print }) {
    const [name] = atMost(rest, 1);
    const answer = await client.ask("GET", `/actors/count?${filter(name, values)}`);
    print(answer, ({ count, unanswered }: Count) => [String(count), ...silent(unanswered)]);
  },
  async get({ client, rest, print }) {
    print(await client.ask("GET", `${actor(rest, 1)}/inspector/summary`));
  },
  async state({ client, rest, print }) {
    const path = `${actor(rest, 2)}/inspector/state`;
    const [, json] = rest;
    if (json !== undefined) await client.ask("PATCH", path, { state: value(json) });
    print(((await client.ask("GET", path)) as { state: unknown }).state);
  },
  async call({ client, rest, print }) {
    const path = actor(rest, Number.POSITIVE_INFINITY);
    const action = required(rest[1], "The action");
    const args = rest.slice(2).map(value);
    const answer = await client.ask("POST", `${path}/inspector/action/${encodeURIComponent(action)}`, {
      args,
    });
    print((answer as { output: unknown }).output);
  },
  async sleep({ client, rest, print }) {
    await client.ask("POST", `${actor(rest, 1)}/sleep`);
    print({ ok: true }, () => ["Sleeping"]);
  },
  async destroy({ client, values, rest, print }) {
    if (values.all === true) {
      const [name] = atMost(rest, 1);
      const result = await client.ask("DELETE", `/actors?${filter(required(name, "The name"), values)}`);
      print(result, ({ destroyed, more }: Destroyed) => [
        `Destroyed ${destroyed}${more ? "; there may be more" : ""}`,
      ]);
      return refuseFailed(result as Destroyed);
    }
    required(rest[0], "The actor");
    // All addresses are parsed before the first actor is destroyed: a wrong command line changes nothing.
    for (const each of rest.map(path)) await client.ask("DELETE", each);
    print({ destroyed: rest.length }, () => [`Destroyed ${rest.length}`]);
  },
  async at({ client, values, rest, print }) {
    const time = timeOf(required(values.time, "--time"));
    const answer = await client.ask("GET", `${actor(rest, 1)}/inspector/history/at?time=${time}`);
    print((answer as { state: unknown }).state);
  },
  async fork({ client, values, rest, print }) {
    const key = required(rest[1], "The key of the new actor").split("/");
    const at = values.time === undefined ? {} : { at: timeOf(values.time) };
    print(await client.ask("POST", `${actor(rest, 2)}/fork`, { key, ...at }), (made: Summary) => [
      line(made),
    ]);
  },
  async export({ client, rest, print }) {
    const file = required(rest[1], "The file");
    const { body } = await client.fetch("GET", `${actor(rest, 2)}/export`);
    if (body === null) throw new HoldfastError("message", "malformed_response", "The answer has no body");
    const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
    if (file === "-") return pipeline(source, process.stdout, { end: false });
    await pipeline(source, createWriteStream(file, { mode: 0o600 }));
    print({ file }, () => [`Written to ${file}`]);
  },
  async import({ client, rest, print }) {
    const [file, address] = atMost(rest, 2);
    const source = await readable(required(file, "The file"));
    const [, , name, segment] = address === undefined ? [] : path(address).split("/");
    const query = new URLSearchParams();
    if (name !== undefined) query.set("name", decodeURIComponent(name));
    if (segment !== undefined) query.set("key", segment.slice(1));
    const body = Readable.toWeb(source) as ReadableStream<Uint8Array>;
    const made = await (await client.fetch("POST", `/actors/import?${query}`, body)).json();
    print(made, (each: Summary) => [line(each)]);
  },
  async queue({ client, rest, print }) {
    const base = `${actor(rest, 4)}/inspector/queue`;
    const [, verb = "list", first, second] = rest;
    switch (verb) {
      case "list":
        return print(await client.ask("GET", base));
      case "send": {
        const message = { name: required(first, "The queue"), body: value(required(second, "The body")) };
        return print(await client.ask("POST", base, message));
      }
      case "dead":
        return print(await client.ask("GET", `${base}/dead-letters`));
      case "retry":
        return print(await client.ask("POST", `${base}/dead-letters/${required(first, "The id")}/retry`));
      case "delete": {
        const id = required(first, "The id");
        const answer = await client.ask("DELETE", `${base}/${id}`);
        return print(changed(answer, "queue.message_not_found", `There is no message ${id} to delete`));
      }
      case "clear":
        return print(await client.ask("DELETE", base));
      default:
        throw new UsageError(`There is no "queue ${verb}"`);
    }
  },
  async schedules({ client, rest, print }) {
    const base = `${actor(rest, 3)}/inspector/schedules`;
    const [, verb = "list", which] = rest;
    const one = (): string => `${base}/${encodeURIComponent(required(which, "The name"))}`;
    switch (verb) {
      case "list":
        return print(await client.ask("GET", base));
      case "history":
        return print(await client.ask("GET", `${one()}/history`));
      case "run": {
        const answer = await client.ask("POST", `${one()}/run`);
        const why = `There is no schedule "${which}", or it is running`;
        return print(changed(answer, "inspector.not_found", why));
      }
      case "pause":
      case "resume":
      case "retry":
        return print(await client.ask("POST", `${one()}/${verb}`));
      case "delete":
        return print(await client.ask("DELETE", one()));
      default:
        throw new UsageError(`There is no "schedules ${verb}"`);
    }
  },
  async workflow({ client, rest, print }) {
    const base = `${actor(rest, 3)}/inspector`;
    const [, verb = "history", argument] = rest;
    switch (verb) {
      case "history":
        return print(await client.ask("GET", `${base}/workflow-history`));
      case "replay":
        return print(
          await client.ask(
            "POST",
            `${base}/workflow/replay`,
            argument === undefined ? {} : { entryId: argument },
          ),
        );
      case "cancel": {
        const answer = await client.ask(
          "POST",
          `${base}/workflow/cancel`,
          argument === undefined ? {} : { reason: argument },
        );
        return print(changed(answer, "workflow.ended", "The workflow has ended, or is rolling back"));
      }
      default:
        throw new UsageError(`There is no "workflow ${verb}"`);
    }
  },
  async sql({ client, rest, print }) {
    const base = `${actor(rest, 2)}/inspector/database`;
    const [, sql] = rest;
    if (sql === undefined) return print(await client.ask("GET", `${base}/schema`));
    print(((await client.ask("POST", `${base}/execute`, { sql })) as { rows: unknown }).rows);
  },
  async kv({ client, rest, print }) {
    const query = new URLSearchParams(rest[1] === undefined ? {} : { prefix: rest[1] });
    print(await client.ask("GET", `${actor(rest, 2)}/inspector/kv?${query}`));
  },
  async logs({ client, rest, print }) {
    const answer = await client.ask("GET", `${actor(rest, 1)}/inspector/logs`);
    print(answer, ({ records }: { records: readonly LogRecord[] }) =>
      records.map(({ time, level, message, fields }) =>
        harmless(`${new Date(time).toISOString()} ${level} ${message} ${JSON.stringify(fields)}`),
      ),
    );
  },
  async token({ client, rest, print }) {
    const { token } = (await client.ask("GET", `${actor(rest, 1)}/inspector/token`)) as { token: string };
    print({ token }, () => [token]);
  },
};

interface Summary {
  readonly id: string;
  readonly name: string;
  readonly key: readonly string[];
  readonly status?: string;
}

interface SummaryPage {
  readonly actors: readonly Summary[];
  readonly cursor?: string;
  /** Names of the nodes that did not say which actors run there. */
  readonly unanswered?: readonly string[];
}

interface Count extends Pick<SummaryPage, "unanswered"> {
  readonly count: number;
}

interface Destroyed {
  readonly destroyed: number;
  readonly failed: readonly { readonly id: string; readonly group: string; readonly code: string }[];
  readonly more: boolean;
}

interface LogRecord {
  readonly time: number;
  readonly level: string;
  readonly message: string;
  readonly fields: unknown;
}

/** Prints lines if the caller provides them; otherwise JSON, indented or on one line with `--json`. */
function printer(json: boolean): Command["print"] {
  return (value, lines) => {
    const text = encodeJson(value ?? null);
    // The state of an actor may contain text from an agent.
    if (json) console.log(harmless(text));
    else if (lines !== undefined) for (const each of lines(value as never)) console.log(each);
    else console.log(harmless(JSON.stringify(JSON.parse(text), null, 2)));
  };
}

/** Prints the response to a change. Throws `code` if the server reports that nothing changed. */
function changed(answer: unknown, code: `${string}.${string}`, otherwise: string): unknown {
  if ((answer as { ok: boolean }).ok) return answer;
  const [group = "", name = ""] = code.split(".");
  throw new HoldfastError(group, name, otherwise);
}

/** Some actors were destroyed, and that has been printed. Throws the first error of the others. */
function refuseFailed({ failed }: Destroyed): void {
  const [first] = failed;
  if (first === undefined) return;
  const ids = failed.map(({ id }) => id).join(", ");
  throw new HoldfastError(first.group, first.code, `Not destroyed: ${ids}`);
}

function line({ id, name, key, status }: Summary): string {
  return [id, ...(status === undefined ? [] : [status.padEnd(8)]), harmless(addressOf(name, key))].join("  ");
}

/** Actors of nodes that do not answer look like sleeping ones. */
function silent(nodes: readonly string[] = []): readonly string[] {
  if (nodes.length === 0) return [];
  return [`No answer from ${harmless(nodes.join(", "))}: what runs there counts as sleeping`];
}

function filter(name: string | undefined, values: Values): string {
  const query = new URLSearchParams();
  const set = (field: string, text: string | undefined): void => {
    if (text !== undefined) query.set(field, text);
  };
  set("name", name);
  const { status } = values;
  if (status !== undefined && status !== "running" && status !== "sleeping")
    throw new UsageError(`--status takes running or sleeping, not "${status}"`);
  const limit = countOf(values.limit, "--limit");
  if (limit === 0) throw new UsageError("--limit takes a number from 1");
  set("prefix", values.prefix);
  set("status", status);
  set("limit", limit === undefined ? undefined : String(limit));
  set("cursor", values.cursor);
  const after = values["created-after"];
  set("createdAfter", after === undefined ? undefined : String(timeOf(after)));
  return query.toString();
}

function actor(rest: readonly string[], max: number): string {
  atMost(rest, max);
  return path(required(rest[0], "The actor"));
}

function path(address: string): string {
  const found = actorPathOf(address);
  if (found !== undefined) return found;
  throw new UsageError(`"${address}" is not NAME/ID or NAME/KEY`);
}

function required(text: string | undefined, what: string): string {
  if (text !== undefined) return text;
  throw new UsageError(`${what} is missing`);
}

function atMost(rest: readonly string[], max: number): readonly string[] {
  if (rest.length > max) throw new UsageError(`Unexpected argument "${rest[max]}"`);
  return rest;
}

/** Parses JSON with the tags of the codec. */
function value(text: string): unknown {
  try {
    return decodeJson(text);
  } catch {
    throw new UsageError(`"${text}" is not JSON. Text needs quotes: '"text"'`);
  }
}

function timeOf(text: string): number {
  const time = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw new UsageError(`"${text}" is not a time`);
}

/** Opened before the request is sent, so that an unreadable file is not reported as an error of the server. */
async function readable(file: string): Promise<Readable> {
  if (file === "-") return process.stdin;
  try {
    const handle = await open(file);
    // A folder can be opened, but not read.
    if (!(await handle.stat()).isDirectory()) return handle.createReadStream();
    await handle.close();
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  throw new UsageError(`${file} cannot be read (EISDIR)`);
}
