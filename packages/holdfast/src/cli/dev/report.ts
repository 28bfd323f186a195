import { harmless, type Screen, style } from "@holdfast/cli";
import type { DevProblem, TypeProblem } from "@holdfast/inspector-ui";
import { remedyOf } from "./readable-error.ts";

/** What happens to a program, for people or, with `--json`, as one object a line. */
export type DevEvent =
  | {
      readonly type: "ready";
      readonly url: string;
      readonly inspector: string | undefined;
      readonly ms: number;
    }
  | {
      readonly type: "serving";
      readonly version: number;
      readonly actors: readonly string[];
      readonly ms: number;
    }
  | { readonly type: "changed"; readonly files: readonly string[] }
  | { readonly type: "failed"; readonly problem: DevProblem; readonly isServed: boolean }
  | { readonly type: "types"; readonly problems: readonly TypeProblem[] }
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "log"; readonly record: Readonly<Record<string, unknown>> }
  | { readonly type: "output"; readonly stream: "stdout" | "stderr"; readonly line: string };

const shownTypeProblems = 10;
const levelColors = { debug: "dim", info: "cyan", warn: "yellow", error: "red" } as const;

/** The text of an event for a terminal. */
export function eventText(event: DevEvent, screen: Screen, time: Date): string {
  const at = style(screen, "dim", time.toTimeString().slice(0, 8));
  switch (event.type) {
    case "ready":
      return readyText(event, screen);
    case "serving": {
      const facts = style(screen, "dim", `version ${event.version}, ${event.ms} ms`);
      return `${at} ${style(screen, "green", "serving")} ${event.actors.join(", ")} ${facts}`;
    }
    case "changed":
      return `${at} changed ${harmless(event.files.join(", "))}`;
    case "failed":
      return failedText(event, screen, at);
    case "types":
      return typesText(event.problems, screen, at);
    case "warning":
      return `${at} ${style(screen, "yellow", "warning")} ${event.message}`;
    case "log":
      return recordText(event.record, screen, at);
    case "output":
      return event.line;
  }
}

function readyText(
  { url, inspector, ms }: Extract<DevEvent, { readonly type: "ready" }>,
  screen: Screen,
): string {
  return [
    "",
    `  ${style(screen, "bold", "holdfast dev")}  ${style(screen, "dim", `ready in ${ms} ms`)}`,
    "",
    `  Program    ${style(screen, "cyan", url)}`,
    ...(inspector === undefined ? [] : [`  Inspector  ${style(screen, "cyan", inspector)}`]),
    "",
  ].join("\n");
}

function failedText(
  { problem, isServed }: Extract<DevEvent, { readonly type: "failed" }>,
  screen: Screen,
  at: string,
): string {
  const next = isServed
    ? "The version before it goes on to answer."
    : "Nothing answers until it is mended and saved.";
  const remedy = remedyOf(problem.text);
  const words = remedy === undefined ? next : `${next} ${remedy}`;
  return `${at} ${style(screen, "red", problem.title)} ${words}`;
}

function typesText(problems: readonly TypeProblem[], screen: Screen, at: string): string {
  if (problems.length === 0) return `${at} ${style(screen, "green", "types")} are right`;
  const errors = problems.length === 1 ? "1 error" : `${problems.length} errors`;
  const shown = problems.slice(0, shownTypeProblems).map(({ file, line, column, code, message }) => {
    const place = style(screen, "dim", `${file}:${line}:${column}`);
    return `  ${place} ${code} ${harmless(message.split("\n")[0] ?? "")}`;
  });
  const rest = problems.length - shown.length;
  return [
    `${at} ${style(screen, "red", "types")} ${errors}`,
    ...shown,
    ...(rest === 0 ? [] : [`  and ${rest} more, in the inspector`]),
  ].join("\n");
}

/** A record of the program's logger: level, message, fields, and an error with its stack below. */
function recordText(record: Readonly<Record<string, unknown>>, screen: Screen, at: string): string {
  const { level, message, time: _, error, ...fields } = record;
  const name = String(level);
  const color = Object.hasOwn(levelColors, name) ? levelColors[name as keyof typeof levelColors] : "dim";
  const shown = Object.entries(fields).map(
    ([field, value]) => ` ${field}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const stack = typeof error === "string" ? error.split("\n").map((line) => `\n  ${harmless(line)}`) : [];
  // What a program logs is not obeyed by the terminal.
  const facts = style(screen, "dim", harmless(shown.join("")));
  return `${at} ${style(screen, color, harmless(name))} ${harmless(String(message))}${facts}${stack.join("")}`;
}

/** A line of the program as an event: a record of its logger, or what it has printed itself. */
export function lineEvent(stream: "stdout" | "stderr", line: string): DevEvent {
  if (stream === "stderr" && line.startsWith('{"level":')) {
    try {
      return { type: "log", record: JSON.parse(line) as Readonly<Record<string, unknown>> };
    } catch {
      // It has only looked like a record.
    }
  }
  return { type: "output", stream, line };
}
