/** The bounds of the gate as docs/limits-gate.md has them: one that is loosened is noticed here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { approvalLimits } from "../src/approvals/approval-limits.ts";
import { auditLimits } from "../src/audit/record.ts";
import { brokerLimits, endpointLimits } from "../src/broker/broker-limits.ts";
import { egressLimits } from "../src/egress/egress-limits.ts";
import { estimateLimits } from "../src/egress/metering/model-request.ts";
import { meterLimits } from "../src/egress/metering/usage-meter.ts";
import { gitTokenLimits } from "../src/egress/services/git-tokens.ts";
import { machineLimits } from "../src/jail/apple/run-arguments.ts";
import { jailLimits } from "../src/jail/jail-spec.ts";
import { pluginLimits } from "../src/plugins/plugin-limits.ts";
import { policyLimits } from "../src/policy/rule.ts";

const [kib, mib] = [1024, 1024 * 1024];

test("the bounds of jails, egress, approvals and policy are the documented ones", () => {
  assert.deepEqual(jailLimits, {
    maxMounts: 64,
    maxEnvBytes: 256 * kib,
    maxArgsBytes: 256 * kib,
    minMemoryBytes: 16 * mib,
    minPids: 8,
    minDiskBytes: mib,
    minDiskEntries: 16,
    minDiskBytesPerSecond: 64 * kib,
    minDiskOperationsPerSecond: 10,
    maxDiskOperationsPerSecond: 4_294_967_295,
    maxCpus: 1_024,
    defaultTmpBytes: 512 * mib,
    defaultGraceMs: 300,
    startTimeoutMs: 10_000,
    toolTimeoutMs: 60_000,
    toolMaxOutputBytes: 16 * mib,
  });
  assert.deepEqual(machineLimits, {
    defaultMemoryBytes: 4 * 1024 * mib,
    minMemoryBytes: 200 * mib,
    defaultCpus: 4,
    startTimeoutMs: 60_000,
    maxConnections: 128,
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
    maxIdleUpstreams: 8,
    upstreamKeepAliveMs: 4_000,
    maxHandshakes: 32,
    handshakeMs: 10_000,
    maxCertificates: 256,
    certificateMs: 86_400_000,
    certificateLeftMs: 3_600_000,
    authorityMs: 31_536_000_000,
  });
  assert.deepEqual(approvalLimits, {
    timeoutMs: 300_000,
    maxTimeoutMs: 86_400_000,
    expiryRetryMs: 1_000,
    sessionMs: 86_400_000,
    maxLeftMs: 172_800_000,
    denialHoldMs: 300_000,
    maxArgumentBytes: mib,
    maxDetailCharacters: 16 * kib,
    maxTitleCharacters: 200,
    maxOriginCharacters: 400,
    maxPending: 1_000,
    maxPendingOfSession: 100,
    maxSettled: 10_000,
  });
  assert.deepEqual(policyLimits, {
    maxFileBytes: 256 * kib,
    maxDepth: 16,
    maxRules: 500,
    maxTools: 64,
    maxConditions: 32,
    maxValues: 256,
    maxIdCharacters: 128,
    maxReasonCharacters: 300,
    maxTextCharacters: 1_024,
    maxMatchedCharacters: 8_192,
    maxProposalBytes: 4 * kib,
  });
});

test("the bounds of the broker and of the process of its sockets are the documented ones", () => {
  assert.deepEqual(brokerLimits, {
    maxFrameBytes: mib,
    maxReceiveBytes: 2 * mib,
    maxArgumentBytes: 100 * kib,
    maxDepth: 64,
    maxTopicCharacters: 256,
    maxCorrelationCharacters: 128,
    maxRoutingIdBytes: 64,
    maxResultBytes: mib,
    maxProgressMessageCharacters: 1_024,
    maxProgressEvents: 1_000,
    maxInFlight: 256,
    maxKeptAnswers: 256,
    maxKeptBytes: 4 * mib,
    keptAnswerMs: 300_000,
    handlerTimeoutMs: 30_000,
    confirmWaitMs: 30_000,
    maxTools: 1_000,
    maxCatalogBytes: 4 * mib,
    maxSchemaBytes: 64 * kib,
    maxCheckMs: 250,
    maxRefusalNotes: 20,
    maxNotedFieldCharacters: 256,
  });
  assert.deepEqual(endpointLimits, {
    maxConnections: 32,
    maxAccepted: 256,
    descriptors: 4_096,
    maxGrowthBytes: 256 * mib,
    memoryCheckMs: 100,
    handshakeMs: 2_000,
    heartbeatMs: 2_000,
    heartbeatTimeoutMs: 4_000,
    peerWaitMs: 10_000,
    framesPerSecond: 20_000,
    bytesPerSecond: 256 * mib,
    receiveQueue: 16,
    sendQueue: 1_024,
    maxHeldAnswers: 64,
    heldAnswerMs: 10_000,
    startTimeoutMs: 15_000,
    maxRestartDelayMs: 5_000,
  });
});

test("the bounds of plugins, of the audit log and of what is counted are the documented ones", () => {
  assert.deepEqual(pluginLimits, {
    maxManifestBytes: 64 * kib,
    maxSchemaDepth: 5,
    maxSchemaProperties: 30,
    maxToolsPerPlugin: 64,
    maxPlugins: 128,
    maxSkillBytes: 64 * kib,
    maxSkillsPerPlugin: 20,
    maxCredentialBytes: 64 * kib,
    maxCredentials: 64,
    maxConfigBytes: 64 * kib,
    maxFolderFiles: 20_000,
    maxFolderBytes: 256 * mib,
    startsAtOnce: 3,
    initializeMs: 10_000,
    shutdownMs: 5_000,
    verifyMs: 10_000,
    defaultTimeoutMs: 30_000,
    maxTimeoutMs: 600_000,
    maxConnections: 8,
    maxOpenConnections: 16,
    connectionIdleMs: 30 * 60_000,
    maxCalls: 64,
    maxQuestions: 64,
    maxUnreadAnswerBytes: 8 * mib,
    unresponsiveMs: 5_000,
    sharedRetryMs: 1_000,
    drainMs: 30_000,
    maxCrashes: 3,
    crashWindowMs: 60_000,
    crashRestMs: 30_000,
    debounceMs: 300,
    maxWaitingEvents: 256,
    eventMs: 30_000,
    maxEventBytes: 64 * kib,
    publishBurst: 100,
    publishPerSecond: 20,
    memoryBytes: 512 * mib,
    pids: 64,
    tmpBytes: 64 * mib,
    diskBytes: 4_096 * mib,
    diskEntries: 200_000,
    maxPrintedBytes: 8 * kib,
    auditAnswers: 100,
  });
  assert.deepEqual(auditLimits, {
    maxRecordBytes: 64 * kib,
    maxWaiting: 10_000,
    maxNoteDelayMs: 5,
    queryLimit: 1_000,
    maxFileBytes: 64 * mib,
    checkpointEvery: 1_000,
  });
  assert.deepEqual(meterLimits, { maxEventBytes: 4 * mib, maxJsonBytes: 32 * mib });
  assert.deepEqual(gitTokenLimits, { answerMs: 10_000, minRemainingMs: 60_000 });
  assert.deepEqual(estimateLimits, {
    assumedOutputTokens: 16_384,
    bytesPerToken: 3,
    maxRequestDepth: 512,
    maxRequestMembers: 250_000,
  });
});
