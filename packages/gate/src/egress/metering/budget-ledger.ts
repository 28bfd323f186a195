import { randomUUID } from "node:crypto";
import { chmodSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type Clock, HoldfastError } from "@holdfast/core";
import type { Principal } from "../../vault/grants.ts";
import {
  type BudgetPeriod,
  type BudgetRule,
  type BudgetScope,
  type BudgetStatus,
  budgetExceeded,
  budgetScopes,
  dayOf,
  periodAt,
  rulesFor,
  type Spent,
  subjectOf,
} from "./budget.ts";
import type { Budgets, Reservation } from "./budgets.ts";

const schemaVersion = 1;
const schema = `
  CREATE TABLE IF NOT EXISTS spent (
    scope TEXT NOT NULL, subject TEXT NOT NULL, day TEXT NOT NULL,
    tokens INTEGER NOT NULL, cost INTEGER NOT NULL, calls INTEGER NOT NULL,
    PRIMARY KEY (scope, subject, day)
  ) STRICT, WITHOUT ROWID;
  -- A call under way. One that is found at start was never settled, and is charged as reserved.
  CREATE TABLE IF NOT EXISTS reserved (
    id INTEGER PRIMARY KEY, day TEXT NOT NULL, session TEXT, user TEXT, organization TEXT,
    tokens INTEGER NOT NULL, cost INTEGER NOT NULL
  ) STRICT;
  -- Name of this ledger among those of other nodes.
  CREATE TABLE IF NOT EXISTS holder (id TEXT NOT NULL) STRICT;
`;

/**
 * Durable ledger (SQLite) of model usage by session, user, organisation and day, with budgets. A call reserves its
 * maximum usage and then settles the actual usage. A reservation left by a killed gate is charged in full.
 */
export class BudgetLedger implements Budgets {
  readonly #db: DatabaseSync;
  readonly #clock: Clock;
  readonly #rules: readonly BudgetRule[];
  readonly #open = new Map<number | bigint, Reservation>();

  private constructor(db: DatabaseSync, clock: Clock, rules: readonly BudgetRule[]) {
    this.#db = db;
    this.#clock = clock;
    this.#rules = rules;
  }

  static open(path: string, clock: Clock, rules: readonly BudgetRule[] = []): BudgetLedger {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      chmodSync(path, 0o600);
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
      const version = Number(Object.values(db.prepare("PRAGMA user_version").get() ?? {})[0] ?? 0);
      if (version > schemaVersion) {
        throw new HoldfastError(
          "egress",
          "newer_format",
          "usage.db was written by a newer version of Holdfast. Upgrade to open it",
          {
            statusCode: 500,
          },
        );
      }
      db.exec(`${schema} PRAGMA user_version = ${schemaVersion};`);
      const ledger = new BudgetLedger(db, clock, rules);
      ledger.#chargeAbandoned();
      return ledger;
    } catch (error) {
      db.close();
      throw error;
    }
  }

  /** Opens the ledger read-only, while a gate may be writing it. */
  static read(path: string, clock: Clock, rules: readonly BudgetRule[] = []): BudgetLedger {
    return new BudgetLedger(new DatabaseSync(path, { readOnly: true, timeout: 5_000 }), clock, rules);
  }

  /** Random name of this ledger, by which shared counts tell it from those of other nodes. */
  get holder(): string {
    const known = this.#db.prepare("SELECT id FROM holder").get()?.["id"];
    if (typeof known === "string") return known;
    const id = randomUUID();
    this.#db.prepare("INSERT INTO holder (id) VALUES (?)").run(id);
    return id;
  }

  /** The budgets that apply to a principal, with those of its jail. */
  rulesFor(principal: Principal, own: readonly BudgetRule[] = []): readonly BudgetRule[] {
    return rulesFor([...this.#rules, ...own], principal);
  }

  /** Reserves what a call may use. Throws `egress.budget_exceeded`, and then reserves nothing. */
  reserve(principal: Principal, wanted: Spent, own: readonly BudgetRule[] = []): Reservation {
    for (const rule of this.rulesFor(principal, own)) this.#check(rule, principal, wanted);
    const day = dayOf(this.#clock.now());
    const { lastInsertRowid: id } = this.#db
      .prepare(
        "INSERT INTO reserved (day, session, user, organization, tokens, cost) VALUES (?, ?, ?, ?, ?, ?)",
      )
      .run(
        day,
        principal.session ?? null,
        principal.user ?? null,
        principal.organization ?? null,
        wanted.tokens,
        wanted.costMicros,
      );
    const reservation = { id, principal, day, ...wanted };
    this.#open.set(id, reservation);
    return reservation;
  }

  #check(rule: BudgetRule, principal: Principal, wanted: Spent): void {
    const subject = subjectOf(rule.scope, principal) ?? "";
    const { spent, reserved } = this.#standing(rule, subject);
    const over = (["tokens", "costMicros"] as const).find((unit) => {
      const limit = rule[unit];
      return limit !== undefined && spent[unit] + reserved[unit] + wanted[unit] > limit;
    });
    if (over !== undefined) throw budgetExceeded(rule, over, { spent, reserved, wanted });
  }

  /** Adds usage that was not reserved. */
  charge(principal: Principal, used: Spent): void {
    this.#inTransaction(() => this.#charge(principal, dayOf(this.#clock.now()), used));
  }

  /** Replaces a reservation by what was used; `used` is undefined where that is nothing. */
  settle(reservation: Reservation, used: Spent | undefined): void {
    this.#open.delete(reservation.id);
    this.#inTransaction(() => {
      this.#db.prepare("DELETE FROM reserved WHERE id = ?").run(reservation.id);
      if (used !== undefined) this.#charge(reservation.principal, reservation.day, used);
    });
  }

  #inTransaction(change: () => void): void {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      change();
      this.#db.exec("COMMIT");
    } catch (error) {
      this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #charge(principal: Principal, day: string, used: Spent): void {
    const add = this.#db.prepare(
      `INSERT INTO spent (scope, subject, day, tokens, cost, calls) VALUES (?, ?, ?, ?, ?, 1)
       ON CONFLICT DO UPDATE SET tokens = tokens + excluded.tokens, cost = cost + excluded.cost, calls = calls + 1`,
    );
    for (const scope of budgetScopes) {
      const subject = subjectOf(scope, principal);
      if (subject !== undefined) add.run(scope, subject, day, used.tokens, used.costMicros);
    }
  }

  #chargeAbandoned(): void {
    for (const row of this.#db.prepare("SELECT * FROM reserved").all()) {
      const text = (name: string) => (typeof row[name] === "string" ? { [name]: row[name] } : {});
      const principal: Principal = { ...text("session"), ...text("user"), ...text("organization") };
      const { id, day, tokens, cost } = row;
      const spent = { tokens: Number(tokens), costMicros: Number(cost) };
      this.settle({ id: Number(id), day: String(day), principal, ...spent }, spent);
    }
  }

  #standing(rule: BudgetRule, subject: string): { spent: Spent; reserved: Spent } {
    return this.standing(rule, subject, periodAt(rule.period, this.#clock.now()));
  }

  /** What a subject has used since the period began, and what its running calls may use. */
  standing(
    { scope }: Pick<BudgetRule, "scope">,
    subject: string,
    period: string,
  ): { spent: Spent; reserved: Spent } {
    // The name of a period sorts before its days.
    const row = this.#db
      .prepare(
        "SELECT coalesce(sum(tokens), 0) AS tokens, coalesce(sum(cost), 0) AS cost FROM spent WHERE scope = ? AND subject = ? AND day >= ?",
      )
      .get(scope, subject, period);
    const reserved = { tokens: 0, costMicros: 0 };
    for (const each of this.#open.values()) {
      if (subjectOf(scope, each.principal) !== subject || each.day < period) continue;
      reserved.tokens += each.tokens;
      reserved.costMicros += each.costMicros;
    }
    return { spent: { tokens: Number(row?.["tokens"]), costMicros: Number(row?.["cost"]) }, reserved };
  }

  /** The state of each budget, for every subject that has used any of it or is named by its rule. */
  status(): readonly BudgetStatus[] {
    return this.#rules.flatMap((rule) =>
      this.subjectsOf(rule).map((subject) => ({ ...rule, subject, ...this.#standing(rule, subject) })),
    );
  }

  /** Whose state of a budget is shown. */
  subjectsOf(rule: BudgetRule): readonly string[] {
    if (rule.scope === "host") return ["host"];
    if (rule.subject !== undefined) return [rule.subject];
    const period = periodAt(rule.period, this.#clock.now());
    return this.#db
      .prepare(
        "SELECT subject FROM spent WHERE scope = ? AND day >= ? GROUP BY subject ORDER BY max(day) DESC, subject LIMIT 100",
      )
      .all(rule.scope, period)
      .map((row) => String(row["subject"]));
  }

  /** The usage of a subject, whether or not a budget applies. */
  spent(scope: BudgetScope, subject: string, period: BudgetPeriod = "always"): Spent {
    return this.#standing({ scope, period }, subject).spent;
  }

  close(): void {
    this.#db.close();
  }
}
