import { countOf, noArguments, oneArgument, parseStrict, required, UsageError } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { eventData, printStream } from "./api-acp.ts";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";
import { escapeControls, print, table } from "./output.ts";
import { entries, fields, lines } from "./sessions.ts";

export const processesUsage = `holdfast sandbox processes VERB

  list                     lists the managed processes
  run -- COMMAND ARG...    runs a command and prints its output; --timeout-ms N
  start -- COMMAND ARG...  starts a managed process; --tty for a terminal
  show ID                  prints a process
  stop ID | kill ID        ends it with SIGTERM or SIGKILL
  delete ID                deletes an exited process and its output
  logs ID                  prints its output; --tail N, --follow
  input ID TEXT            writes to its input
      --cwd DIR            working directory of run and start
${apiUsage}`;

export async function processesCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    ...apiOptions,
    cwd: { type: "string" },
    tty: { type: "boolean" },
    tail: { type: "string" },
    follow: { type: "boolean" },
    "timeout-ms": { type: "string" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${processesUsage}\n`);
    return 0;
  }
  const json = values.json === true;
  const client = new ApiClient(values);
  const of = (id: string, verb = "") => `/v1/processes/${encodeURIComponent(id)}${verb}`;
  const show = (result: unknown) => print(json, result, () => lines(JSON.stringify(result, null, 2)));
  switch (verb) {
    case "list":
      noArguments(rest);
      print(json, await client.requestJson("GET", "/v1/processes"), (result) =>
        table(entries(result, "processes").map((each) => fields(each, "id", "status", "pid", "command"))),
      );
      return 0;
    case "run": {
      const timeoutMs = countOf(values["timeout-ms"], "--timeout-ms");
      const result = await client.requestJson("POST", "/v1/processes/run", {
        body: { ...command(rest), cwd: values.cwd, timeoutMs },
      });
      return printResult(result, json);
    }
    case "start": {
      const body = { ...command(rest), cwd: values.cwd, tty: values.tty === true };
      print(json, await client.requestJson("POST", "/v1/processes", { body }), (created) => [
        isRecord(created) ? String(created["id"]) : "",
      ]);
      return 0;
    }
    case "show":
      show(await client.requestJson("GET", of(oneArgument(rest, "The process"))));
      return 0;
    case "stop":
    case "kill":
      show(await client.requestJson("POST", of(oneArgument(rest, "The process"), `/${verb}`)));
      return 0;
    case "delete": {
      const id = oneArgument(rest, "The process");
      await client.request("DELETE", of(id));
      print(json, { id, deleted: true }, () => []);
      return 0;
    }
    case "logs": {
      const path = of(oneArgument(rest, "The process"), "/logs");
      const tail = countOf(values.tail, "--tail");
      const query = { tail: tail === undefined ? undefined : String(tail) };
      if (values.follow === true) {
        const response = await client.request("GET", path, { query: { ...query, follow: "true" } });
        await (json ? printStream(response) : printOutput(response));
        return 0;
      }
      const result = await client.requestJson("GET", path, { query });
      print(json, result, () => outputLines(decodeEntries(result).trimEnd()));
      return 0;
    }
    case "input": {
      const [id, text, ...more] = rest;
      noArguments(more);
      const body = { data: required(text, "The text"), encoding: "utf8" };
      show(await client.requestJson("POST", of(required(id, "The process"), "/input"), { body }));
      return 0;
    }
    default:
      throw new UsageError(verb === undefined ? "The verb is missing" : `There is no "processes ${verb}"`);
  }
}

function command(words: readonly string[]): { readonly command: string; readonly args: readonly string[] } {
  const [first, ...args] = words;
  return { command: required(first, "The command"), args };
}

/** Prints the output of a finished command to the same streams. Returns 0 only when the command exited with 0. */
function printResult(result: unknown, json: boolean): number {
  const { stdout, stderr, exitCode, timedOut } = isRecord(result) ? result : {};
  if (json) print(true, result, () => []);
  else {
    process.stdout.write(String(stdout ?? ""));
    process.stderr.write(String(stderr ?? ""));
    if (timedOut === true) process.stderr.write("The command exceeded its timeout and was killed.\n");
  }
  return exitCode === 0 ? 0 : 1;
}

function decodeEntries(result: unknown): string {
  return Buffer.concat(entries(result, "entries").map(decodeBytes)).toString("utf8");
}

function decodeBytes({ data, encoding }: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(String(data ?? ""), encoding === "base64" ? "base64" : "utf8");
}

/** Splits into lines. A terminal ends its lines with CR LF. */
function outputLines(text: string): readonly string[] {
  return text.split(/\r?\n/);
}

/** Prints the output of a process until it ends. Reports output that the server has already dropped. */
async function printOutput(response: Response): Promise<void> {
  const decoder = new TextDecoder();
  let heldBack = "";
  for await (const data of eventData(response)) {
    const entry: unknown = JSON.parse(data);
    if (!isRecord(entry)) continue;
    // The stream also has entries without output, such as the exit status.
    if ("from" in entry) process.stderr.write("Some output is missing: the server has dropped it.\n");
    if (!("data" in entry)) continue;
    const text = heldBack + decoder.decode(decodeBytes(entry), { stream: true });
    // Hold back a trailing CR: the LF may follow in the next chunk.
    heldBack = text.endsWith("\r") ? "\r" : "";
    const printable = text.slice(0, text.length - heldBack.length);
    process.stdout.write(outputLines(printable).map(escapeControls).join("\n"));
  }
}
