import type { Jail } from "./jail.ts";

const maxCharacters = 4_000;

/** Keeps the end of what a jail writes to standard error, and drops its standard output: a full pipe would block it. */
export function keepErrorTail(jail: Jail): () => string {
  let tail = "";
  jail.stdout.resume();
  jail.stderr.on("data", (chunk: Buffer) => {
    tail = (tail + chunk.toString("utf8")).slice(-maxCharacters);
  });
  return () => tail.trim();
}
