import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGate, type Gate, gateMountTarget, type RateLimits } from "@holdfast/gate";
import {
  ensure,
  interleave,
  least,
  median,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { guestLoad, type LoadRound } from "./guest-load.ts";

const unlimited = { calls: { perMinute: 1e12, burst: 1e12 }, bytes: { perMinute: 1e15, burst: 1e15 } };
const rateLimits: RateLimits = { jail: unlimited, tool: unlimited, user: unlimited, organization: unlimited };

/**
 * Results of the nearest peer for the same kind of call, from its own benchmark with fake sockets on a similar
 * machine.
 */
const peer = { perSecond: 143, p99Ms: 25 };

async function withGuest(
  measure: (gate: Gate, round: (inFlight: number) => Promise<LoadRound>) => Promise<Outcome>,
): Promise<Outcome> {
  const dataDir = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const gate = await createGate({ dataDir, vault: { env: {}, logins: false }, broker: { rateLimits } });
  try {
    const broker = await gate.openBroker({
      jailId: "bench",
      session: "bench",
      group: "bench",
      user: "bench",
    });
    const load = await guestLoad(gate, broker.directory, gateMountTarget);
    const outcome = await measure(gate, (inFlight) => load.round(inFlight, roundMs));
    await load.stop();
    await broker.close();
    return outcome;
  } finally {
    await gate.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

/**
 * Tool calls from inside a jail through all six stages, with a synced audit record before each and one after. The
 * caller shares the machine's cores with the gate.
 */
function calls(): Promise<Outcome> {
  return withGuest(async (gate, round) => {
    const samples = await interleave({
      many: () => round(64),
      // Enough for the rate that is promised, and no queue of its own making.
      few: () => round(8),
      one: () => round(1),
    });
    const { ok } = await gate.audit.verify();
    ensure(ok, "the audit log is not intact");
    const best = most(samples.many.map((each) => each.perSecond));
    const p99 = least(samples.few.map((each) => each.p99Ms));
    return {
      figures: [
        {
          name: "64 in flight",
          value: best,
          unit: "/s",
          detail: `p50 ${median(samples.many.map((each) => each.p50Ms)).toFixed(2)} ms`,
        },
        {
          name: "8 in flight",
          value: most(samples.few.map((each) => each.perSecond)),
          unit: "/s",
          own: true,
        },
        {
          name: "peer",
          value: peer.perSecond,
          unit: "/s",
          detail: `p99 ${peer.p99Ms} ms; its own bench, fake sockets`,
        },
        { name: "p99, 8 in flight", value: p99, unit: "ms", own: true },
        {
          name: "p50, 1 in flight",
          value: least(samples.one.map((each) => each.p50Ms)),
          unit: "ms",
          own: true,
        },
      ],
      floors: [
        { name: "tool calls", value: best, limit: 5_000, unit: "/s", better: "more" },
        { name: "p99 of a call", value: p99, limit: 5, unit: "ms", better: "less" },
      ],
      samples,
    };
  });
}

export const broker: Scenario = { name: "broker", run: calls };
