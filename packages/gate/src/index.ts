export type { Approval, ApprovalRequest, ApprovalState, Approvals } from "./approvals/approvals.ts";
export type { Attack, AttackFinding, AttackGroup, AttackReport, AttackResult } from "./attacks/attack.ts";
export { gateAttacks, type RunAttacksOptions, runAttacks } from "./attacks/run.ts";
export type { Audit, AuditEntry, AuditQuery, AuditRecord, AuditVerification } from "./audit/audit.ts";
export { AuditReader, openAudit, verifyAuditLog } from "./audit/audit-reader.ts";
export { type AuditCheckpoint, parseCheckpoint } from "./audit/checkpoint.ts";
export { type AuditFormat, auditFormats, exportRecords } from "./audit/export.ts";
export type { Gate, GateConfig, GateStage, GateStatus, VaultConfig } from "./config.ts";
export {
  type Egress,
  type EgressAllowRule,
  type EgressCredential,
  type EgressDecision,
  type EgressOptions,
  type EgressProvider,
  type EgressUpstream,
  type EgressUsage,
  type ProviderName,
  providerNames,
} from "./egress/egress.ts";
export { createGate } from "./gate.ts";
export {
  type BubblewrapInstallation,
  type EnsureBubblewrapOptions,
  ensureBubblewrap,
} from "./jail/install.ts";
export type {
  Guarantee,
  GuaranteeName,
  Jail,
  JailDriver,
  JailExit,
  JailExitReason,
  JailLimits,
  JailMount,
  JailSpec,
  Jails,
  JailUsage,
  SelfTestReport,
  ToolResult,
  ToolSpec,
} from "./jail/jail.ts";
export { openVault } from "./vault/open-vault.ts";
export type { CredentialSource, ProviderStatus, Vault } from "./vault/vault.ts";
