import type { Principal } from "../../vault/grants.ts";
import type { BudgetRule, BudgetStatus, Spent } from "./budget.ts";

/** The most that a call may use, reserved until it is settled. */
export interface Reservation extends Spent {
  readonly id: number | bigint;
  readonly principal: Principal;
  readonly day: string;
}

/** Counts what models use, within hard budgets: by the ledger of one gate, or shared with the gates of other nodes. */
export interface Budgets {
  /** The budgets that apply to a principal, with those of its jail. */
  rulesFor(principal: Principal, own?: readonly BudgetRule[]): readonly BudgetRule[];
  /**
   * Reserves what a call may use. Throws `egress.budget_exceeded`, and then reserves nothing; shared budgets also
   * `egress.budget_unavailable` and `egress.clock_differs`.
   */
  reserve(
    principal: Principal,
    wanted: Spent,
    own?: readonly BudgetRule[],
  ): Reservation | Promise<Reservation>;
  /** Replaces a reservation by what was used; `used` is undefined where that is nothing. */
  settle(reservation: Reservation, used: Spent | undefined): void;
  /** Adds usage that was not reserved. */
  charge(principal: Principal, used: Spent): void;
  /** The state of each budget, for every subject that has used any of it or is named by its rule. */
  status(): readonly BudgetStatus[] | Promise<readonly BudgetStatus[]>;
  close(): void | Promise<void>;
}
