/** The table of `holdfast top`, as lines of a terminal. */
import { harmless, type Screen, style } from "@holdfast/cli";
import type { ActorRow, ServerRow } from "./rates.ts";

export const sorts = ["calls", "errors", "p99", "active", "queued", "name"] as const;
export type Sort = (typeof sorts)[number];

export interface View {
  readonly sort: Sort;
  /** Only actors whose names contain it. */
  readonly filter: string;
  /** Lines and characters of a line; undefined for all there are. */
  readonly rows: number | undefined;
  readonly columns: number | undefined;
}

export function sorted(rows: readonly ActorRow[], { sort, filter }: View): readonly ActorRow[] {
  return rows
    .filter(({ actor }) => actor.includes(filter))
    .sort((a, b) => amountOf(b, sort) - amountOf(a, sort) || (a.actor < b.actor ? -1 : 1));
}

function amountOf(row: ActorRow, sort: Sort): number {
  switch (sort) {
    case "calls":
      return row.callsPerSecond;
    case "errors":
      return row.errorsPerSecond;
    case "p99":
      return row.p99Ms ?? -1;
    case "active":
      return row.active;
    case "queued":
      return row.queued;
    case "name":
      return 0;
  }
}

interface Column {
  readonly title: string;
  readonly sort?: Sort;
  text(row: ActorRow): string;
}

const columns: readonly Column[] = [
  { title: "calls/s", sort: "calls", text: ({ callsPerSecond }) => rate(callsPerSecond) },
  { title: "errors/s", sort: "errors", text: ({ errorsPerSecond }) => rate(errorsPerSecond) },
  { title: "p50", text: ({ p50Ms }) => duration(p50Ms) },
  { title: "p99", sort: "p99", text: ({ p99Ms }) => duration(p99Ms) },
  { title: "active", sort: "active", text: ({ active }) => String(active) },
  { title: "connections", text: ({ connections }) => String(connections) },
  { title: "queued", sort: "queued", text: ({ queued }) => String(queued) },
];

const width = 13;

/** Servers first, then the table. What does not fit is counted in the last line. */
export function screenLines(
  servers: readonly ServerRow[],
  actors: readonly ActorRow[],
  view: View,
  screen: Screen,
): readonly string[] {
  const rows = sorted(actors, view);
  const names = Math.max(12, ...rows.map(({ actor }) => harmless(actor).length));
  const room = view.columns === undefined ? names : view.columns - columns.length * width;
  const nameWidth = Math.max(8, Math.min(names, room));
  const title = ({ title, sort }: Column) =>
    sort === view.sort ? style(screen, "bold", title.padStart(width)) : title.padStart(width);
  const head = [
    ...servers.map((server) => serverLine(server, screen)),
    "",
    `${"actor".padEnd(nameWidth)}${columns.map(title).join("")}`,
  ];
  const shown = view.rows === undefined ? rows : rows.slice(0, Math.max(0, view.rows - head.length - 1));
  const lines = shown.map((row) => {
    const cells = columns.map((column) => column.text(row).padStart(width)).join("");
    const line = `${fitted(harmless(row.actor), nameWidth)}${cells}`;
    return row.errorsPerSecond > 0 ? style(screen, "yellow", line) : line;
  });
  const left = rows.length - shown.length;
  const none = rows.length === 0 ? ["No actor was used since the server started."] : [];
  return [...head, ...lines, ...none, ...(left > 0 ? [style(screen, "dim", `and ${left} more`)] : [])];
}

function serverLine(server: ServerRow, screen: Screen): string {
  const { url, error, uptimeSeconds, cpu, residentBytes, lagMs, callsPerSecond, commitsPerSecond } = server;
  const name = style(screen, "bold", url);
  if (error !== undefined) return `${name}  ${style(screen, "red", harmless(error))}`;
  if (uptimeSeconds === undefined) return `${name}  …`;
  const parts = [
    `up ${age(uptimeSeconds)}`,
    `${Math.round((cpu ?? 0) * 100)} % of a core`,
    `${Math.round((residentBytes ?? 0) / 1_048_576)} MiB`,
    `event loop ${duration(lagMs ?? 0)}`,
    `${rate(callsPerSecond ?? 0)} calls/s`,
    `${rate(commitsPerSecond ?? 0)} commits/s`,
    ...(server.cluster === undefined
      ? []
      : [`${server.cluster.shards} shards, ${server.cluster.nodes} nodes`]),
  ];
  return `${name}  ${parts.join("  ")}`;
}

function rate(perSecond: number): string {
  if (perSecond === 0) return "0";
  return perSecond >= 100 ? String(Math.round(perSecond)) : perSecond.toFixed(1);
}

function duration(ms: number | null): string {
  if (ms === null) return "-";
  if (ms === Number.POSITIVE_INFINITY) return "> 60 s";
  if (ms >= 1_000) return `${(ms / 1_000).toFixed(1)} s`;
  return ms >= 10 ? `${Math.round(ms)} ms` : `${ms.toFixed(1)} ms`;
}

function age(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}

function fitted(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, columns - 1)}…` : text.padEnd(columns);
}
