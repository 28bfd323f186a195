import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

test("an invalid level in the environment is reported once and replaced by the default", async () => {
  const program = `
    import { getLogger, getPinoLevel } from ${JSON.stringify(new URL("log.ts", import.meta.url))};
    for (const name of ["one", "two"]) getLogger(name).warn(getPinoLevel());
  `;
  const logged = async (HOLDFAST_LOG_LEVEL: string) => {
    const options = { env: { ...process.env, HOLDFAST_LOG_LEVEL } };
    const args = ["--input-type=module", "--eval", program];
    const { stderr } = await promisify(execFile)(process.execPath, args, options);
    const lines = stderr.split("\n").filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line) as { message: string; asked?: string });
  };
  const [told, ...rest] = await logged("verbose");
  assert.deepEqual([told?.message.split(" ")[0], told?.asked], ["HOLDFAST_LOG_LEVEL", "verbose"]);
  assert.deepEqual(
    rest.map(({ message }) => message),
    ["warn", "warn"],
  );
  for (const [given, level] of [
    ["INFO", "info"],
    ["", "warn"],
  ] as const) {
    const messages = (await logged(given)).map(({ message }) => message);
    assert.deepEqual(messages, [level, level], given);
  }
});
