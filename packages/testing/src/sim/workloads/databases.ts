import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import type { Workload, World } from "../world.ts";

/** How state and SQL are changed: in one turn, or in a transaction that may be rolled back. */
type Way = "state first" | "SQL first" | "transaction" | "transaction of SQL";

/** SQL that waits for another caller's transaction belongs to a later turn than the state change before it. */
const combinedWays: readonly (readonly Way[])[] = [
  ["state first", "SQL first", "transaction"],
  ["SQL first", "transaction", "transaction of SQL"],
];

interface Plan {
  readonly token: string;
  readonly by: number;
  readonly way: Way;
  /** True when it is rolled back. */
  readonly throws: boolean;
  readonly waitMs: number;
}

interface Total {
  readonly total: number;
  readonly tokens: readonly string[];
}

interface Sql {
  execute(sql: string, ...args: readonly (string | number)[]): Promise<unknown[]>;
}

/** Context members that both kinds of actor have. */
interface Context {
  readonly state: { total: number; tokens: string[] };
  readonly db: Sql & {
    query(sql: string): unknown[];
    transaction<T>(callback: (tx: Sql) => Promise<T>): Promise<T>;
  };
  transaction<T>(callback: () => Promise<T>): Promise<T>;
}

const table = "CREATE TABLE IF NOT EXISTS entry (token TEXT PRIMARY KEY, amount INTEGER NOT NULL)";

async function insert(sql: Sql, { token, by }: Plan): Promise<void> {
  await sql.execute(table);
  await sql.execute("INSERT INTO entry (token, amount) VALUES (?, ?)", token, by);
}

function count(c: Context, { token, by }: Plan): void {
  c.state.total += by;
  c.state.tokens.push(token);
}

/** An action that throws keeps its state changes: undo them here when the database cannot be opened. */
async function countThenInsert(c: Context, plan: Plan): Promise<void> {
  count(c, plan);
  try {
    await insert(c.db, plan);
  } catch (error) {
    c.state.total -= plan.by;
    c.state.tokens.splice(c.state.tokens.indexOf(plan.token), 1);
    throw error;
  }
}

/** Waits, then throws if planned. */
async function end(world: World, plan: Plan): Promise<void> {
  if (plan.waitMs > 0) await world.pause(plan.waitMs);
  if (plan.throws) throw new Error("planned");
}

function writeInTransaction(world: World, c: Context, plan: Plan): Promise<void> {
  return c.transaction(async () => {
    count(c, plan);
    await insert(c.db, plan);
    await end(world, plan);
  });
}

function writeInTransactionOfSql(world: World, c: Context, plan: Plan): Promise<void> {
  return c.db.transaction(async (tx) => {
    await insert(tx, plan);
    await end(world, plan);
    count(c, plan);
  });
}

async function write(world: World, c: Context, plan: Plan): Promise<number> {
  const planned = (error: unknown): void => {
    if (!plan.throws) throw error;
  };
  switch (plan.way) {
    case "state first":
      await countThenInsert(c, plan);
      break;
    case "SQL first":
      await insert(c.db, plan);
      count(c, plan);
      break;
    case "transaction":
      await writeInTransaction(world, c, plan).catch(planned);
      break;
    case "transaction of SQL":
      await writeInTransactionOfSql(world, c, plan).catch(planned);
  }
  return c.state.total;
}

/** Compares state and SQL while no change is in progress: they must agree. */
function assertConsistent(world: World, c: Context, when: string): void {
  const { total, tokens } = c.state;
  if (tokens.length === 0) return;
  const [row] = c.db.query("SELECT sum(amount) AS total, count(*) AS entries FROM entry");
  const [stored, own] = [JSON.stringify(row), JSON.stringify({ total, entries: tokens.length })];
  world.assert(stored === own, () => `${when} SQL has ${stored}, the state ${own}`);
}

/** State and SQL that change together, in declared databases and in those created on first use. */
export function databases(world: World): Workload {
  const random = world.random("databases");
  const common = {
    options: { sleepTimeout: 2_000 },
    state: { total: 0, tokens: [] as string[] },
    onWake: (c: Context) => assertConsistent(world, c, "after a wake"),
    actions: {
      write: (c: Context, plan: Plan) => write(world, c, plan),
      look: (c: Context): Total => ({ total: c.state.total, tokens: [...c.state.tokens] }),
      compare: (c: Context) => assertConsistent(world, c, "at the end"),
    },
  };
  const migrated = db({ onMigrate: async (database) => void (await database.execute(table)) });
  const declared = actor({ ...common, db: migrated });
  const late = actor(common);
  const names = ["declared", "late"];
  const keys = ["a", "b"];
  const ways = random.pick(combinedWays);
  const done: { readonly plan: Plan; readonly name: string; readonly key: string }[] = [];

  const client = async (): Promise<void> => {
    for (let times = random.int(5, 15); times > 0; times--) {
      await world.pause(random.skewed(15_000));
      const [name, key] = [random.pick(names), random.pick(keys)];
      const handle = world.client.getOrCreate(name, key);
      if (random.chance(0.1)) {
        await world.attempt(`look at ${name} ${key}`, () => handle.action({ name: "look" }));
        continue;
      }
      const way = random.pick(ways);
      const canFail = way === "transaction" || way === "transaction of SQL";
      const plan: Plan = {
        token: world.ledger.token(),
        by: random.int(1, 99),
        way,
        throws: canFail && random.chance(0.4),
        waitMs: random.chance(0.3) ? random.int(1, 500) : 0,
      };
      const total = await world.attempt(`write ${plan.token} to ${name} ${key}, ${way}`, () =>
        handle.action({ name: "write", args: [plan] }),
      );
      if (total === undefined) continue;
      done.push({ plan, name, key });
      const isDurable = plan.throws || world.ledger.isDurable(plan.token);
      world.assert(isDurable, () => `a reply was sent before its commit (${plan.token})`);
    }
  };

  return {
    name: "databases",
    definitions: { declared, late },
    clients: Array.from({ length: 5 }, () => client),
    check: async () => {
      for (const name of names) {
        for (const key of keys) {
          const handle = world.client.getOrCreate(name, key);
          await handle.action({ name: "compare" });
          const { tokens } = (await handle.action({ name: "look" })) as Total;
          world.assert(new Set(tokens).size === tokens.length, () => `${name} ${key} wrote a token twice`);
          for (const { plan } of done.filter((each) => each.name === name && each.key === key)) {
            const isThere = tokens.includes(plan.token);
            world.assert(
              isThere !== plan.throws,
              () => `${plan.token} is ${isThere ? "" : "not "}in ${name} ${key}`,
            );
          }
        }
      }
    },
  };
}
