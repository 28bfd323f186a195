/** Time of the type checker for a registry of many actors and a client that calls each of them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { ensure, interleave, least, type Outcome, type Scenario } from "../internal/scenario.ts";

const actors = 50;
const floorMs = 2_000;
const root = join(import.meta.dirname, "..", "..");
const directory = join(root, ".cache", "bench", "types");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

/** What the users of a package get to see: its built declarations are checked by `npm run exports`. */
function definition(n: number): string {
  return `
const actor${n} = actor({
  state: { count: 0, rows: [] as { id: number; name: string }[], ["field${n}"]: "" },
  createConnState: (_c, params: { token: string }) => ({ user: params.token }),
  events: { changed${n}: event<{ count: number; by: string }>(), cleared: event<void>() },
  queues: { jobs${n}: queue<{ id: number; kind: "a${n}" | "b" }>() },
  actions: {
    add: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed${n}", { count: c.state.count, by: String(by) });
      return c.state.count;
    },
    rename: (c, id: number, name: string) => {
      for (const row of c.state.rows) if (row.id === id) row.name = name;
      return c.state.rows;
    },
    describe${n}: async (c) => ({ field: c.state.field${n}, key: c.key, rows: c.state.rows.length }),
  },
});
`;
}

function use(n: number): string {
  return `
  const handle${n} = client.actor${n}.getOrCreate("key", { params: { token: "t" } });
  const sum${n}: number = await handle${n}.add(1);
  const rows${n}: { id: number; name: string }[] = await handle${n}.rename(sum${n}, "name");
  const text${n}: string = (await handle${n}.describe${n}()).field;
  await handle${n}.send("jobs${n}", { id: rows${n}.length, kind: "a${n}" });
  handle${n}.connect().on("changed${n}", (change) => change.by.concat(text${n}));
`;
}

function generate(count: number, wrong = ""): void {
  const numbers = Array.from({ length: count }, (_, n) => n);
  const names = numbers.map((n) => `actor${n}`).join(", ");
  const source = `import { actor, event, queue, setup } from "holdfast";
import { createClient } from "holdfast/client";
${numbers.map(definition).join("")}
export const registry = setup({ use: { ${names} } });
export async function use(): Promise<void> {
  const client = createClient<typeof registry>("http://127.0.0.1:1");
${numbers.map(use).join("")}
${wrong}
}
`;
  writeFileSync(join(directory, "registry.ts"), source);
}

function check(): string {
  try {
    return execFileSync(process.execPath, [tsc, "-p", directory], { encoding: "utf8" });
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}

async function measure(): Promise<Outcome> {
  mkdirSync(directory, { recursive: true });
  const compilerOptions = {
    target: "es2024",
    lib: ["es2024", "esnext", "dom", "dom.iterable"],
    module: "nodenext",
    strict: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
    types: ["node"],
  };
  const file = join(directory, "tsconfig.json");
  writeFileSync(file, JSON.stringify({ compilerOptions, include: ["registry.ts"] }));
  try {
    generate(actors, '  await client.actor1.getOrCreate("key", { params: { token: "t" } }).add("one");');
    ensure(check().includes("TS2345"), "the type checker accepted a wrong argument");
    const timed = (count: number) => (): number => {
      generate(count);
      const started = performance.now();
      const output = check();
      ensure(output === "", output);
      return performance.now() - started;
    };
    const samples = await interleave({ actors: timed(actors), one: timed(1) }, 3);
    const value = least(samples.actors);
    return {
      figures: [
        { name: `${actors} actors`, value, unit: "ms" },
        { name: "one actor", value: least(samples.one), unit: "ms" },
      ],
      floors: [{ name: `a registry of ${actors} actors`, value, limit: floorMs, unit: "ms", better: "less" }],
      samples,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const types: Scenario = { name: "types", run: measure };
