import { actor, db, type RawAccess } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, world } from "./harness.ts";

export const items = db({
  onMigrate: async (database) => {
    await database.execute("CREATE TABLE IF NOT EXISTS items (id INTEGER PRIMARY KEY, name TEXT UNIQUE)");
  },
});

/** An actor whose action runs any function on its `c.db`. */
export function scriptedActor(run: (database: RawAccess, ...args: never[]) => unknown, extra: object = {}) {
  return actor({
    db: items,
    state: { count: 0 },
    actions: {
      run: (c, ...args: never[]) => run(c.db, ...args),
      names: (c) =>
        c.db.query<{ name: string }>("SELECT name FROM items ORDER BY id").map(({ name }) => name),
    },
    ...extra,
  });
}

export async function runOnce(run: (database: RawAccess) => unknown): Promise<unknown> {
  const instance = world().create(scriptedActor(run));
  try {
    return await call(instance, "run");
  } finally {
    await instance.sleep();
  }
}

export function code(name: string): (error: unknown) => boolean {
  return (error) => {
    if (isErrorCode(error, "db", name)) return true;
    throw new Error(`Expected db.${name}`, { cause: error });
  };
}
