/** Commands about the boundary: secrets, grants, policy, audit, egress, plugins. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { UsageError } from "@holdfast/cli";

/**
 * A line of standard input; on a terminal nothing of it is echoed. Throws a `UsageError` where more comes with
 * it: the first line of a key file alone would be kept as the key.
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

/** Whoever writes it may leave the stream open: what comes after the line is not waited for. */
async function firstLine(stream: NodeJS.ReadStream): Promise<string> {
  let text = "";
  for await (const chunk of stream.setEncoding("utf8")) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  const [line = "", ...more] = text.split("\n");
  if (more.some((each) => each.trim() !== ""))
    throw new UsageError("It is one line of text, and standard input has more");
  return line.trim();
}
