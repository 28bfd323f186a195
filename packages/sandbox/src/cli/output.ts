import { failureJson } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";

/** Prints a value as one line of JSON, or as lines of text. */
export function print<T>(json: boolean, value: T, lines: (value: T) => readonly string[]): void {
  if (json) {
    process.stdout.write(`${JSON.stringify(value)}\n`);
    return;
  }
  for (const line of lines(value)) process.stdout.write(`${escapeControls(line)}\n`);
}

/** Prints an error to standard error as one line of JSON. */
export function printErrorJson(error: unknown): void {
  process.stderr.write(`${escapeControls(failureJson(error))}\n`);
}

/** Prints a wrong command line to standard error as one line of JSON. */
export function printUsageErrorJson(reason: string): void {
  printErrorJson(new HoldfastError("control", "usage", reason));
}

/** Escapes control characters of untrusted text, so that it cannot control the terminal. */
export function escapeControls(text: string): string {
  return text.replace(/[^\P{Cc}\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Formats rows as aligned columns. */
export function table(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
