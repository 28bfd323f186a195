import { readFile } from "node:fs/promises";
import { noArguments, parseStrict, required, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import { ApiClient, apiOptions, apiUsage } from "./api-client.ts";

export const apiAcpUsage = `holdfast sandbox api acp post | stream | close --server-id ID

  post                  sends a JSON-RPC message and prints the response
    --agent ID          the agent; required with the first message of a server id
    --json MESSAGE      the message
    --json-file FILE    reads the message from FILE; - for standard input
  stream                prints the messages of the agent, one per line, until interrupted
    --last-event-id N   starts after this event
  close                 stops the agent
${apiUsage.split("\n").slice(0, 2).join("\n")}`;

export async function apiAcpCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseStrict(args, {
    ...apiOptions,
    json: { type: "string" },
    "json-file": { type: "string" },
    "server-id": { type: "string" },
    agent: { type: "string" },
    "last-event-id": { type: "string" },
  });
  const [verb, ...rest] = positionals;
  if (values.help === true) {
    process.stdout.write(`${apiAcpUsage}\n`);
    return 0;
  }
  noArguments(rest);
  if (verb === undefined) throw new UsageError("post, stream or close is missing");
  if (!["post", "stream", "close"].includes(verb)) throw new UsageError(`There is no "api acp ${verb}"`);
  const path = `/v1/acp/${encodeURIComponent(required(values["server-id"], "--server-id"))}`;
  const client = new ApiClient(values);
  switch (verb) {
    case "post": {
      const body = await readMessage(values.json, values["json-file"]);
      const result = await client.requestJson("POST", path, { query: { agent: values.agent }, body });
      if (result !== undefined) process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    case "stream": {
      const after = values["last-event-id"];
      const headers = {
        accept: "text/event-stream",
        ...(after === undefined ? {} : { "last-event-id": after }),
      };
      await printStream(await client.request("GET", path, { headers }));
      return 0;
    }
    default: {
      await client.request("DELETE", path);
      return 0;
    }
  }
}

async function readMessage(inline: string | undefined, file: string | undefined): Promise<unknown> {
  if ((inline === undefined) === (file === undefined)) {
    throw invalidMessage("Pass the message with either --json or --json-file.");
  }
  const text = inline ?? (await (file === "-" ? readAll(process.stdin) : readFile(file ?? "", "utf8")));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidMessage(
      `The message is not valid JSON: ${error instanceof Error ? error.message : "parse error"}`,
    );
  }
}

/** As in the peer, an invalid message exits with 1; a wrong command line exits with 2. */
function invalidMessage(detail: string): HoldfastError {
  return new HoldfastError("sandbox", "invalid_request", detail, { statusCode: 400 });
}

async function readAll(input: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("utf8");
}

/** Prints the data of server-sent events, one event per line, until the stream ends. */
export async function printStream(response: Response): Promise<void> {
  for await (const data of eventData(response)) process.stdout.write(`${data}\n`);
}

/** Yields the data of server-sent events until the stream ends. */
export async function* eventData(response: Response): AsyncGenerator<string> {
  let rest = "";
  let data: string[] = [];
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const lines = (rest + chunk).split(/\r\n|\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      if (line !== "" || data.length === 0) continue;
      yield data.join("\n");
      data = [];
    }
  }
}
