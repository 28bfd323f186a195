import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError, type StandardSchema, silentLogger, UserError } from "@holdfast/core";
import type { AuditRecord } from "@holdfast/gate";
import { z } from "zod";
import { agentOsLimits } from "../limits.ts";
import { runToolCommand, type ToolRecords } from "./command.ts";
import { toolReference } from "./reference.ts";
import { binding, HostTools, hostTool, type ToolKit, toolKit } from "./tool-kit.ts";

const weather = toolKit({
  name: "weather",
  description: "The weather of cities",
  tools: {
    forecast: hostTool({
      description: "Forecast for a city",
      inputSchema: z.object({
        city: z.string().describe("Name of the city"),
        days: z.number().int().max(9).optional(),
        fullReport: z.boolean().optional(),
        unit: z.enum(["celsius", "kelvin"]).default("celsius"),
        tags: z.array(z.string()).optional(),
        place: z.object({ lat: z.number() }).nullable().optional(),
      }),
      execute: (input) => input,
      examples: [{ description: "Three days", input: { city: "St. Peter's", days: 3, fullReport: true } }],
    }),
    now: hostTool({ description: "The time", inputSchema: z.object({}), execute: () => 7 }),
    refuse: hostTool({
      description: "Refuses",
      inputSchema: z.object({}),
      execute: () => {
        throw new UserError("Not today", { code: "closed" });
      },
    }),
    break: hostTool({
      description: "Fails",
      inputSchema: z.object({}),
      execute: () => Promise.reject(new Error("password: hunter2")),
    }),
    hang: hostTool({
      description: "Waits until nobody waits for it",
      inputSchema: z.object({}),
      timeout: 20,
      execute: (_input, { signal }) =>
        new Promise<void>((resolve) => {
          signal.addEventListener("abort", () => {
            ended.resolve();
            resolve();
          });
        }),
    }),
    flood: hostTool({
      description: "Returns too much",
      inputSchema: z.object({ bytes: z.number() }),
      execute: ({ bytes }) => "x".repeat(bytes - '{"ok":true,"result":""}'.length),
    }),
  },
});
const ended = Promise.withResolvers<void>();

/** A schema of a library that gives no JSON Schema. */
const plain: StandardSchema<{ text: string }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      typeof value === "object" && value !== null && "text" in value && typeof value.text === "string"
        ? { value: { text: value.text } }
        : { issues: [{ message: "no text", path: ["text"] }] },
  },
};
const notes = {
  name: "my-notes",
  description: "Notes",
  bindings: {
    add: binding({ description: "Adds one", inputSchema: plain, execute: ({ text }) => text.length }),
  },
};
const tools = HostTools.of([weather, notes]) as HostTools;

const recorded: string[] = [];
let isDiskFull = false;
const records: ToolRecords = {
  jailId: "vm-1",
  log: silentLogger,
  audit: {
    append: async ({ type, data }) => {
      if (isDiskFull) throw new HoldfastError("audit", "unavailable", "The disk is full");
      recorded.push(`${type} ${data?.["tool"]} ${data?.["bytes"]}`);
      return {} as AuditRecord;
    },
    note: async ({ type, data }) => void recorded.push(`${type} ${data?.["tool"]} ${data?.["code"] ?? "ok"}`),
  },
};

interface Answer {
  readonly exitCode: number;
  readonly said: { ok: boolean; result?: unknown; error?: string; message?: string };
}

/** Runs a command line; files of the machine, and its standard input under "", are those given. */
async function run(
  line: string | readonly string[],
  files: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const [command = "", ...args] = typeof line === "string" ? line.split(" ") : line;
  const read = async (path = "") => files[path] ?? "";
  const invocation = { command, args, read, signal: new AbortController().signal };
  const { exitCode, text } = await runToolCommand(tools, invocation, records);
  return { exitCode, said: JSON.parse(text) };
}

test("flags, JSON, files and the standard input give the input of a tool", async () => {
  const forecast = "agentos-weather forecast";
  const flags = '--city Paris --days=3 --full-report --unit kelvin --tags a --tags b --place {"lat":1.5}';
  assert.deepEqual((await run(`${forecast} ${flags}`)).said.result, {
    ...{ city: "Paris", days: 3, fullReport: true, unit: "kelvin", tags: ["a", "b"], place: { lat: 1.5 } },
  });
  const paris = { city: "Paris", unit: "celsius" };
  assert.deepEqual((await run(`${forecast} --city Paris --no-full-report`)).said.result, {
    ...{ ...paris, fullReport: false },
  });
  const json = '{"city":"Paris"}';
  const ways: readonly [string, Record<string, string>][] = [
    [`${forecast} --json ${json}`, {}],
    [`${forecast} --json-file /tmp/in.json`, { "/tmp/in.json": json }],
    [forecast, { "": json }],
    [`${forecast} --json -`, { "": json }],
  ];
  for (const [line, files] of ways)
    assert.deepEqual(await run(line, files), { exitCode: 0, said: { ok: true, result: paris } }, line);
  assert.equal((await run('agentos-my-notes add --json {"text":"abc"}')).said.result, 3);
  // A tool without properties asks for no input.
  assert.equal((await run("agentos-weather now", { "": "no JSON" })).said.result, 7);
});

test("bad input never reaches a tool, and the answer says what is wrong", async () => {
  const bad: readonly [string, RegExp][] = [
    ["forecast", /at "city"/],
    ["forecast --city Paris --days many", /at "days"/],
    ["forecast --city Paris --days 10", /at "days"/],
    ["forecast --city Paris --unit rankine", /at "unit"/],
    ["forecast --town Paris", /--town/],
    ["forecast Paris", /Paris/],
    ["forecast --city Paris --json {}", /Give the input as flags/],
    ["forecast --json {", /--json is no JSON/],
    ["forecast --json []", /object/],
  ];
  for (const [line, message] of bad) {
    const { exitCode, said } = await run(`agentos-weather ${line}`);
    assert.deepEqual([exitCode, said.ok, said.error], [1, false, "VALIDATION_ERROR"], line);
    assert.match(said.message ?? "", message, line);
  }
  const { said } = await run("agentos-my-notes add");
  assert.match(said.message ?? "", /takes its input as JSON/);
  assert.match((await run("agentos-my-notes add --json {}")).said.message ?? "", /no text at "text"/);
});

test("unknown kits and tools, errors, timeouts and large results are told apart", async () => {
  const failed = async (line: string) => (await run(line)).said;
  assert.deepEqual((await failed("agentos-music play")).error, "TOOLKIT_NOT_FOUND");
  const missing = await failed("agentos-weather toString");
  assert.equal(missing.error, "TOOL_NOT_FOUND");
  assert.match(missing.message ?? "", /forecast, now/);
  const refused = await failed("agentos-weather refuse");
  assert.deepEqual([refused.error, refused.message], ["EXECUTION_ERROR", "Not today"]);
  const broken = await failed("agentos-weather break");
  assert.equal(broken.error, "EXECUTION_ERROR");
  assert.doesNotMatch(broken.message ?? "", /hunter2/);
  assert.match((await failed("agentos-weather hang")).message ?? "", /weather hang did not end within 20ms/);
  await ended.promise;
  const most = agentOsLimits.maxToolResultBytes;
  assert.equal((await run(`agentos-weather flood --bytes ${most}`)).exitCode, 0);
  assert.equal((await failed(`agentos-weather flood --bytes ${most + 1}`)).error, "RESULT_TOO_LARGE");
});

test("a call is recorded before it is made and when it has ended, and not made where it cannot be", async () => {
  recorded.length = 0;
  await run("agentos-my-notes add --json {}");
  await run("agentos-weather --help");
  assert.deepEqual(recorded, []);
  await run("agentos-weather now");
  await run("agentos-weather refuse");
  isDiskFull = true;
  const { said } = await run("agentos-weather now");
  isDiskFull = false;
  assert.deepEqual([said.error, said.message], ["EXECUTION_ERROR", "The disk is full"]);
  assert.deepEqual(recorded, [
    ...["tool.call weather now 2", "tool.result weather now ok"],
    ...["tool.call weather refuse 2", "tool.result weather refuse EXECUTION_ERROR"],
  ]);
});

test("lists and help describe the tools", async () => {
  assert.deepEqual((await run("agentos list-tools")).said.result, {
    toolkits: [
      { name: "weather", description: "The weather of cities", tools: [...Object.keys(weather.tools)] },
      { name: "my-notes", description: "Notes", tools: ["add"] },
    ],
  });
  const kit = (await run("agentos list-tools weather")).said;
  assert.deepEqual((await run("agentos-weather --help")).said, kit);
  assert.deepEqual((await run("agentos list-bindings weather")).said, kit);
  const help = (await run("agentos-weather forecast --help")).said.result as { flags: unknown[] };
  assert.deepEqual(help.flags.slice(0, 4), [
    { flag: "--city", type: "string", required: true, description: "Name of the city" },
    { flag: "--days", type: "number", required: false },
    { flag: "--full-report", type: "boolean", required: false },
    { flag: "--unit", type: "celsius|kelvin", required: false },
  ]);
  const reference = toolReference(tools);
  assert.match(reference, /- `agentos-weather forecast --city <string> \[--days <number>\]/);
  assert.match(
    reference,
    /Three days: `agentos-weather forecast --city 'St\. Peter'\\''s' --days 3 --full-report`/,
  );
  assert.match(reference, /- `agentos-my-notes add --json <object>`: Adds one/);
});

test("kits that no command could call are refused", () => {
  const tool = weather.tools["now"];
  assert.ok(tool);
  const kit = (part: Record<string, unknown>) => ({ ...weather, ...part }) as ToolKit;
  const same = z.object({ userId: z.string(), "user-id": z.string() });
  const bad: readonly (readonly [ToolKit, RegExp])[] = [
    [kit({ name: "Weather" }), /lower-case/],
    [kit({ name: "a--b" }), /lower-case/],
    [kit({ description: "x".repeat(201) }), /1 to 200/],
    [kit({ tools: {} }), /no tools/],
    [kit({ tools: { "--help": tool } }), /letters and digits/],
    [kit({ tools: { now: { ...tool, description: "" } } }), /description/],
    [kit({ tools: { now: { ...tool, inputSchema: {} } } }), /Standard Schema/],
    [kit({ tools: { now: { ...tool, execute: 1 } } }), /execute/],
    [kit({ tools: { now: { ...tool, timeout: 0 } } }), /timeout/],
    [kit({ tools: { now: { ...tool, inputSchema: same } } }), /same flag, --user-id/],
  ];
  for (const [each, message] of bad)
    assert.throws(() => HostTools.of([each]), { code: "invalid_config", message });
  assert.throws(() => HostTools.of([weather, weather]), /two tool kits/);
  assert.equal(HostTools.of([]), undefined);
});
