/** The bounds of the gate as docs/limits.md has them: one that is loosened is noticed here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { approvalLimits } from "../src/approvals/approval-store.ts";
import { egressLimits } from "../src/egress/egress-limits.ts";
import { jailLimits } from "../src/jail/jail-spec.ts";

const [kib, mib] = [1024, 1024 * 1024];

test("the bounds of jails, egress and approvals are the documented ones", () => {
  assert.deepEqual(jailLimits, {
    maxMounts: 64,
    maxEnvBytes: 256 * kib,
    maxArgsBytes: 256 * kib,
    minMemoryBytes: 16 * mib,
    minPids: 8,
    maxCpus: 1_024,
    defaultTmpBytes: 512 * mib,
    defaultGraceMs: 300,
    startTimeoutMs: 10_000,
    toolTimeoutMs: 60_000,
    toolMaxOutputBytes: 16 * mib,
  });
  assert.deepEqual(egressLimits, {
    maxConnections: 64,
    maxHeaderBytes: 32 * kib,
    maxHeaders: 128,
    maxRequestBytes: 64 * mib,
    maxMeteredBytes: 32 * mib,
    maxHeldBytes: 128 * mib,
    maxDiscardBytes: mib,
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 120_000,
    checkIntervalMs: 1_000,
    keepAliveMs: 60_000,
    upstreamIdleMs: 600_000,
  });
  assert.deepEqual(approvalLimits, {
    timeoutMs: 300_000,
    maxTimeoutMs: 86_400_000,
    maxArgumentBytes: mib,
    maxDetailCharacters: 16 * kib,
    maxTitleCharacters: 200,
    maxPending: 1_000,
  });
});
