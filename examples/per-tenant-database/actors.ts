/** Each tenant has an SQLite database of its own: nobody can read another's rows by mistake. */
import { actor, setup } from "holdfast";
import { db } from "holdfast/db";

export const tenant = actor({
  db: db({
    onMigrate: async (database) => {
      await database.execute(`CREATE TABLE IF NOT EXISTS invoice (
        id INTEGER PRIMARY KEY, customer TEXT NOT NULL, cents INTEGER NOT NULL, paid INTEGER NOT NULL DEFAULT 0)`);
    },
  }),
  actions: {
    bill: async (c, customer: string, cents: number) => {
      await c.db.execute("INSERT INTO invoice (customer, cents) VALUES (?, ?)", customer, cents);
    },
    pay: async (c, id: number) => {
      await c.db.execute("UPDATE invoice SET paid = 1 WHERE id = ?", id);
    },
    open: async (c) =>
      await c.db.execute<{ customer: string; cents: number }>(
        "SELECT customer, sum(cents) AS cents FROM invoice WHERE paid = 0 GROUP BY customer ORDER BY customer",
      ),
  },
});

export const registry = setup({ use: { tenant } });
if (import.meta.main) await registry.start();
