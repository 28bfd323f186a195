/** State that the gates of all nodes share: its actors, and the gate's ports over them. */
import { actor, event } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import {
  type AllowanceAnswer,
  type AllowanceRequest,
  type AllowanceState,
  type Bucket,
  type BucketGrant,
  type BucketRequest,
  holdAllowance,
  type PolicyRule,
  takeFromBuckets,
} from "@holdfast/gate";
import type { ClusterOptions } from "@holdfast/server";
import { createApprovalsActor } from "./approvals.ts";
import { createAuditChainActor } from "./audit-chain.ts";
import type { LocalGate } from "./local-gate.ts";
import { createMemoryActor } from "./memory.ts";
import { createNoticesActor } from "./notices.ts";
import { createSchedulesActor } from "./schedules.ts";
import { createVaultActor } from "./vault.ts";

/**
 * The actors of the shared state of gates, keyed by their names. Clients cannot reach them. `gate` leads to the gate of
 * this process.
 */
export function createGateActors(ports: Pick<Ports, "clock">, gate: LocalGate) {
  return {
    gateVault: createVaultActor(),
    gateBudget: createBudgetActor(ports),
    gateRates: createRatesActor(ports),
    gateTaint: createTaintActor(),
    gateRules: createRulesActor(),
    gateApprovals: createApprovalsActor(ports),
    auditChain: createAuditChainActor(),
    groupMemory: createMemoryActor(ports),
    groupSchedules: createSchedulesActor(ports, gate),
    groupNotices: createNoticesActor(ports, gate),
  };
}

const gateActors: Readonly<Record<keyof ReturnType<typeof createGateActors>, true>> = {
  ...{
    gateVault: true,
    gateBudget: true,
    gateRates: true,
    gateTaint: true,
    gateRules: true,
    gateApprovals: true,
    auditChain: true,
    groupMemory: true,
    groupSchedules: true,
    groupNotices: true,
  },
};

/** A node that serves the organization serves the shared state of gates, too: without it, no node can start. */
export function servingGateState(cluster: ClusterOptions): ClusterOptions {
  const { serve } = cluster;
  if (serve?.includes("organization") !== true) return cluster;
  // Lists that were written before there were several organizations do not name their directory.
  return { ...cluster, serve: [...new Set([...serve, "organizations", ...Object.keys(gateActors)])] };
}

/** The allowances of one subject of budgets. */
function createBudgetActor({ clock }: Pick<Ports, "clock">) {
  return actor({
    createState: (): AllowanceState & { version: 1 } => ({ version: 1, periods: {} }),
    options: { name: "Budget" },
    actions: {
      internal: {
        /** Throws `egress.clock_differs`. */
        hold: (c, request: AllowanceRequest): AllowanceAnswer => holdAllowance(c.state, clock.now(), request),
      },
    },
  });
}

interface RatesState {
  version: 1;
  buckets: Record<string, Bucket>;
}

/** The token buckets of one session, user or organization. */
function createRatesActor({ clock }: Pick<Ports, "clock">) {
  return actor({
    createState: (): RatesState => ({ version: 1, buckets: {} }),
    options: { name: "Rates" },
    actions: {
      internal: {
        take: (c, requests: readonly BucketRequest[]): readonly BucketGrant[] =>
          takeFromBuckets(c.state.buckets, clock.now(), requests),
      },
    },
  });
}

/** The sessions that have received untrusted content, a key each. */
function createTaintActor() {
  return actor({
    state: { version: 1 as const },
    options: { name: "Taint" },
    actions: {
      internal: {
        async mark(c, session: string, reason: string): Promise<void> {
          if ((await c.kv.get(session)) === null) await c.kv.put(session, reason);
        },
        reason: (c, session: string): Promise<string | null> => c.kv.get(session),
      },
    },
  });
}

/** The most rules of a policy. */
const maxRules = 500;

/** The policy rules that people accepted at any node. */
function createRulesActor() {
  return actor({
    createState: (): { version: 1; rules: PolicyRule[] } => ({ version: 1, rules: [] }),
    events: { changed: event<null>() },
    options: { name: "Policy rules" },
    actions: {
      internal: {
        list: (c): readonly PolicyRule[] => c.state.rules,
        /** Throws `policy.invalid_file`. */
        add(c, rule: PolicyRule): void {
          if (c.state.rules.some(({ id }) => id === rule.id)) return;
          if (c.state.rules.length >= maxRules)
            throw new HoldfastError("policy", "invalid_file", `A policy has at most ${maxRules} rules`, {
              statusCode: 400,
            });
          c.state.rules.push(rule);
          c.broadcast("changed", null);
        },
        remove(c, id: string): boolean {
          const index = c.state.rules.findIndex((rule) => rule.id === id);
          if (index < 0) return false;
          c.state.rules.splice(index, 1);
          c.broadcast("changed", null);
          return true;
        },
      },
    },
  });
}
