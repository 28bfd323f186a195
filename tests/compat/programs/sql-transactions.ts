/** Transactions of an actor's database wait for each other, and are undone when they fail. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";
import { db } from "rivetkit/db";

const bank = actor({
  state: { transfers: 0 },
  db: db({
    onMigrate: async (database) => {
      await database.execute(
        "CREATE TABLE IF NOT EXISTS account (name TEXT PRIMARY KEY, balance INTEGER NOT NULL CHECK (balance >= 0))",
      );
      await database.execute("INSERT OR IGNORE INTO account VALUES ('a', 100), ('b', 0)");
    },
  }),
  actions: {
    transfer: async (c, amount: number) => {
      const result = await c.db.transaction(async (tx) => {
        await tx.execute("UPDATE account SET balance = balance + ? WHERE name = 'b'", amount);
        await new Promise((resolve) => setTimeout(resolve, 2));
        await tx.execute("UPDATE account SET balance = balance - ? WHERE name = 'a'", amount);
        const [row] = await tx.execute<{ balance: number }>("SELECT balance FROM account WHERE name = 'b'");
        return row?.balance;
      });
      c.state.transfers += 1;
      return result;
    },
    balances: async (c) =>
      await c.db.execute<{ name: string; balance: number }>("SELECT * FROM account ORDER BY name"),
    expiring: async (c) => {
      try {
        await c.db.transaction(
          async (tx) => {
            await tx.execute("UPDATE account SET balance = 1");
            await new Promise((resolve) => setTimeout(resolve, 300));
          },
          { timeout: 20 },
        );
        return "none";
      } catch (error) {
        return error instanceof Error ? "expired" : "?";
      }
    },
    badTimeout: async (c) => {
      try {
        await c.db.transaction(async () => 1, { timeout: 0 });
        return "none";
      } catch {
        return "refused";
      }
    },
    afterwards: async (c) => {
      let outside: { execute(sql: string): Promise<unknown> } | undefined;
      await c.db.transaction(async (tx) => {
        outside = tx;
      });
      try {
        await outside?.execute("SELECT 1");
        return "none";
      } catch {
        return "refused";
      }
    },
    manual: async (c) => {
      await c.db.execute("BEGIN");
      await c.db.execute("UPDATE account SET balance = 0 WHERE name = 'a'");
      await c.db.execute("ROLLBACK");
      await c.db.execute("BEGIN IMMEDIATE");
      await c.db.execute("UPDATE account SET balance = balance + 1 WHERE name = 'a'");
      await c.db.execute("COMMIT");
      await c.db.execute("SAVEPOINT here");
      await c.db.execute("UPDATE account SET balance = 0 WHERE name = 'a'");
      await c.db.execute("ROLLBACK TO SAVEPOINT here");
      await c.db.execute("RELEASE SAVEPOINT here");
    },
    transfers: (c) => c.state.transfers,
  },
});

export const registry = setup({ use: { bank } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.bank.getOrCreate(["b"]);
  // They arrive in any order: whichever finds too little left is undone, as if it had not been.
  const amounts = [10, 20, 30, 80, 40];
  const results = await Promise.allSettled(amounts.map((amount) => handle.transfer(amount)));
  const moved = amounts.filter((_, at) => results[at]?.status === "fulfilled");
  const sum = moved.reduce((all, amount) => all + amount, 0);
  assert.ok(moved.length >= 2 && moved.length < amounts.length, String(moved));
  assert.deepEqual(await handle.balances(), [
    { name: "a", balance: 100 - sum },
    { name: "b", balance: sum },
  ]);
  assert.equal(await handle.transfers(), moved.length);
  assert.equal(await handle.expiring(), "expired");
  assert.equal(await handle.badTimeout(), "refused");
  assert.equal(await handle.afterwards(), "refused");
  await handle.manual();
  assert.deepEqual(await handle.balances(), [
    { name: "a", balance: 101 - sum },
    { name: "b", balance: sum },
  ]);
  await client.dispose();
}
