/** Commands of the command line, run in this process against a Studio that runs here. */

import type { TestContext } from "node:test";
import { format } from "node:util";
import type { ControlServer } from "@holdfast/cli";
import { commands } from "../../src/cli/commands.ts";
import { serveOwner } from "../../src/cli/server/owner.ts";
import type { Studio } from "../../src/index.ts";

export interface Ran {
  readonly code: number;
  readonly text: string;
  /** Lines of JSON. */
  json<Value>(): readonly Value[];
}

export type RunCommand = (...words: readonly string[]) => Promise<Ran>;

/** Opens the control socket of a Studio, and returns what runs commands on its data directory. */
export async function commandsOf(t: TestContext, studio: Studio, data: string): Promise<RunCommand> {
  const control: ControlServer = await serveOwner(data, studio, { passing: false });
  t.after(() => control.close());
  return async (noun = "", ...words) => {
    const command = await commands[noun]?.();
    if (command === undefined) throw new Error(`There is no command ${noun}`);
    const lines: string[] = [];
    const log = t.mock.method(console, "log", (...values: unknown[]) => void lines.push(format(...values)));
    try {
      const code = await command.run([...words, "--data", data]);
      const text = lines.join("\n");
      const json = <Value>() => lines.map((line) => JSON.parse(line) as Value);
      return { code, text, json };
    } finally {
      log.mock.restore();
    }
  };
}
