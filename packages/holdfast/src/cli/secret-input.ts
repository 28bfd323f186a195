import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

/** A line of standard input; on a terminal nothing of it is echoed. */
export async function readSecret(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    const reader = createInterface({ input: stdin });
    for await (const line of reader) return line.trim();
    return "";
  }
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
