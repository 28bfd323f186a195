import { dataDirectoryOf, noArguments, notRunning, parse } from "@holdfast/cli";
import { findServer } from "./management-client.ts";
import { startMcpServer } from "./mcp-server.ts";
import { ReconnectingServer } from "./reconnecting-server.ts";
import { version } from "./studio-commands.ts";

export const mcpUsage = `holdfast mcp [options] | studio [options]

Serves the Model Context Protocol on standard input and output, so that an agent can look at the actors
of a running server: list them, read their state, queues, schedules, workflows, SQLite and logs.

  studio           serves the Studio's tools instead (tasks, reviews, pull requests): holdfast mcp studio --help
  --allow-write    also lets it call actions, write state, send messages, run SQL that writes
  --url URL        the server (default: HOLDFAST_ENDPOINT, or the one that runs on the data directory)
  --token TOKEN    the token of its inspector (default: HOLDFAST_INSPECTOR_TOKEN)
  --data DIR       data directory (default: HOLDFAST_DATA or .holdfast)`;

/** Time limit for running calls when the input ends, in milliseconds. */
const lastCallsMs = 10_000;

export async function mcpCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    url: { type: "string" },
    token: { type: "string" },
    "allow-write": { type: "boolean" },
  });
  if (values.help === true) {
    console.log(mcpUsage);
    return 0;
  }
  noArguments(positionals);
  const options = { url: values.url, token: values.token, dataDirectory: dataDirectoryOf(values.data) };
  const actors = new ReconnectingServer(async () => {
    const found = await findServer(options);
    if (found === undefined) throw notRunning();
    return found;
  });
  const allowWrite = values["allow-write"] === true;
  const server = await startMcpServer({ actors, allowWrite, version: version() });
  process.stdin.once("end", () => void server.close(lastCallsMs));
  await server.closed;
  await actors.close();
  return 0;
}
