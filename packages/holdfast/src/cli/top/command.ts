/** `holdfast top`: what servers do, from their metrics, read again and again. */
import { setTimeout as delay } from "node:timers/promises";
import {
  dataDirectoryOf,
  jsonLine,
  notRunning,
  parse,
  type Screen,
  screenOf,
  UsageError,
} from "@holdfast/cli";
import { findServer } from "../management-client.ts";
import { LiveScreen } from "./live-screen.ts";
import { actorRows, serverRow } from "./rates.ts";
import { type Sort, screenLines, sorted, sorts, type View } from "./screen.ts";
import { WatchedServer } from "./watched-server.ts";

export const topUsage = `holdfast top [URL...] [options]

  Shows what servers do: calls, errors, durations, actors in memory, queues, CPU and memory, from their /metrics.
  Without a URL: HOLDFAST_ENDPOINT, or the server on the data directory. Of a cluster, name each node.
  Keys: q ends, s sorts by the next column.

  --sort NAME     calls|errors|p99|active|queued|name (default: calls)
  --filter TEXT   only actors whose names contain TEXT
  --interval S    seconds between two readings (default: 2)
  --once          prints one table and ends
  --token TOKEN   token of scrapers or of the inspector (default: HOLDFAST_METRICS_TOKEN, HOLDFAST_INSPECTOR_TOKEN)
  --data DIR      data directory (default: HOLDFAST_DATA or .holdfast), for a server that runs on it
  --json          one JSON value on standard output: { servers, actors }`;

const options = {
  sort: { type: "string" },
  filter: { type: "string" },
  interval: { type: "string" },
  once: { type: "boolean" },
  token: { type: "string" },
} as const;

const defaultSeconds = 2;
const maxSeconds = 3_600;

export async function topCommand(args: readonly string[]): Promise<number> {
  const { values, positionals: urls } = parse(args, options);
  if (values.help === true) {
    console.log(topUsage);
    return 0;
  }
  const view = { sort: sortOf(values.sort), filter: values.filter ?? "" };
  const intervalMs = secondsOf(values.interval) * 1_000;
  const isLive = values.once !== true && values.json !== true;
  if (isLive && process.stdout.isTTY !== true)
    throw new UsageError("The output is no terminal: add --once or --json");
  const token = values.token ?? (process.env["HOLDFAST_METRICS_TOKEN"] || undefined);
  const dataDirectory = dataDirectoryOf(values.data);
  const servers = await connect(urls, token, dataDirectory);
  try {
    if (isLive) await new LiveScreen(servers, { ...view, intervalMs }).run();
    else await printOnce(servers, view, intervalMs, values.json === true);
  } finally {
    await Promise.all(servers.map((server) => server.close()));
  }
  return 0;
}

async function connect(
  urls: readonly string[],
  token: string | undefined,
  dataDirectory: string,
): Promise<readonly WatchedServer[]> {
  const found = await Promise.all(
    (urls.length === 0 ? [undefined] : urls).map((url) => findServer({ url, token, dataDirectory })),
  );
  return found.map((client) => {
    if (client === undefined) throw notRunning();
    return new WatchedServer(client, () => performance.now());
  });
}

/** Of several servers, those that do not answer are told of; of one, the error ends the command. */
async function printOnce(
  servers: readonly WatchedServer[],
  view: Pick<View, "sort" | "filter">,
  intervalMs: number,
  asJson: boolean,
): Promise<void> {
  await readAll(servers);
  await delay(intervalMs);
  await readAll(servers);
  const intervals = servers.map((server) => server.interval());
  const rows = intervals.map(serverRow);
  const actors = actorRows(intervals);
  const all: View = { ...view, rows: undefined, columns: undefined };
  if (asJson) {
    console.log(jsonLine({ servers: rows, actors: sorted(actors, all) }));
    return;
  }
  const screen: Screen = screenOf(process.stdout);
  for (const line of screenLines(rows, actors, all, screen)) console.log(line);
}

async function readAll(servers: readonly WatchedServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.read()));
  const failures = servers.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  if (failures.length === servers.length) throw failures[0];
}

function sortOf(text = "calls"): Sort {
  const sort = sorts.find((each) => each === text);
  if (sort === undefined) throw new UsageError(`--sort is ${sorts.join(", ")}`);
  return sort;
}

function secondsOf(text: string | undefined): number {
  const seconds = text === undefined ? defaultSeconds : Number(text);
  if (!(seconds >= 0.1 && seconds <= maxSeconds))
    throw new UsageError(`--interval is a number of seconds from 0.1 to ${maxSeconds}`);
  return seconds;
}
