import { countOf, noArguments, oneArgument, parseStrict, required, UsageError } from "@holdfast/cli";
import { isRecord } from "../http/problem.ts";
import { eventData, printStream } from "./api-acp.ts";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";
import { harmless, print, table } from "./output.ts";
import { entries, fields, lines } from "./sessions.ts";

export const processesUsage = `holdfast sandbox processes VERB

  list                    the processes that a server manages
  run -- COMMAND ARG...   runs a command to its end, prints what it printed; --timeout-ms N
  start -- COMMAND ARG... starts one that stays; --tty for a terminal
  show ID | stop ID | kill ID | delete ID
  logs ID                 what it printed; --tail N, --follow
  input ID TEXT           writes to its input
      --cwd DIR           working directory of run and start
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
  const show = (answer: unknown) => print(json, answer, () => lines(JSON.stringify(answer, null, 2)));
  switch (verb) {
    case "list":
      noArguments(rest);
      print(json, await client.ask("GET", "/v1/processes"), (answer) =>
        table(entries(answer, "processes").map((each) => fields(each, "id", "status", "pid", "command"))),
      );
      return 0;
    case "run": {
      const timeoutMs = countOf(values["timeout-ms"], "--timeout-ms");
      const answer = await client.ask("POST", "/v1/processes/run", {
        body: { ...command(rest), cwd: values.cwd, timeoutMs },
      });
      return ran(answer, json);
    }
    case "start": {
      const body = { ...command(rest), cwd: values.cwd, tty: values.tty === true };
      print(json, await client.ask("POST", "/v1/processes", { body }), (made) => [
        isRecord(made) ? String(made["id"]) : "",
      ]);
      return 0;
    }
    case "show":
      show(await client.ask("GET", of(oneArgument(rest, "The process"))));
      return 0;
    case "stop":
    case "kill":
      show(await client.ask("POST", of(oneArgument(rest, "The process"), `/${verb}`)));
      return 0;
    case "delete": {
      const id = oneArgument(rest, "The process");
      await client.send("DELETE", of(id));
      print(json, { id, deleted: true }, () => []);
      return 0;
    }
    case "logs": {
      const path = of(oneArgument(rest, "The process"), "/logs");
      const tail = countOf(values.tail, "--tail");
      const query = { tail: tail === undefined ? undefined : String(tail) };
      if (values.follow === true) {
        const response = await client.send("GET", path, { query: { ...query, follow: "true" } });
        await (json ? printStream(response) : printOutput(response));
        return 0;
      }
      const answer = await client.ask("GET", path, { query });
      print(json, answer, () => outputLines(decoded(answer).trimEnd()));
      return 0;
    }
    case "input": {
      const [id, text, ...more] = rest;
      noArguments(more);
      const body = { data: required(text, "The text"), encoding: "utf8" };
      show(await client.ask("POST", of(required(id, "The process"), "/input"), { body }));
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

/** The process's own output goes where it came from; the exit code is 0 only where that of the process is. */
function ran(answer: unknown, json: boolean): number {
  const { stdout, stderr, exitCode, timedOut } = isRecord(answer) ? answer : {};
  if (json) print(true, answer, () => []);
  else {
    process.stdout.write(String(stdout ?? ""));
    process.stderr.write(String(stderr ?? ""));
    if (timedOut === true) process.stderr.write("The command took too long and was ended.\n");
  }
  return exitCode === 0 ? 0 : 1;
}

function decoded(answer: unknown): string {
  return Buffer.concat(entries(answer, "entries").map(bytesOf)).toString("utf8");
}

function bytesOf({ data, encoding }: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(String(data ?? ""), encoding === "base64" ? "base64" : "utf8");
}

/** A terminal ends its lines with a carriage return too. */
function outputLines(text: string): readonly string[] {
  return text.split(/\r?\n/);
}

/** Prints what a process prints as it comes, until it ends. What the server no longer has is told. */
async function printOutput(response: Response): Promise<void> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const data of eventData(response)) {
    const entry: unknown = JSON.parse(data);
    if (!isRecord(entry)) continue;
    // How it ended is told too, and is no output.
    if ("from" in entry) process.stderr.write("Some of the output is lost.\n");
    if (!("data" in entry)) continue;
    const text = held + decoder.decode(bytesOf(entry), { stream: true });
    // It may be the first half of the end of a line.
    held = text.endsWith("\r") ? "\r" : "";
    const whole = text.slice(0, text.length - held.length);
    process.stdout.write(outputLines(whole).map(harmless).join("\n"));
  }
}
