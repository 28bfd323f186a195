/** Reads secrets from standard input. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { UsageError } from "@holdfast/cli";

/**
 * Reads one line from standard input, without echo on a terminal. Throws a `UsageError` if there is more: otherwise
 * only the first line of a key file would be stored.
 */
export async function readSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) return await firstLine(stdin);
  stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: stdin, output: silent, terminal: true });
  try {
    return (await reader.question("")).trim();
  } finally {
    reader.close();
    stderr.write("\n");
  }
}

/** The writer may keep the stream open, so do not wait for its end. */
async function firstLine(stream: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  const [line = "", ...more] = text.split("\n");
  if (more.some((each) => each.trim() !== ""))
    throw new UsageError("A secret is one line of text, but standard input has more");
  return line.trim();
}
