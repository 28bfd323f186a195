export type { Approval, ApprovalRequest, ApprovalState, Approvals } from "./approvals.ts";
export type { Audit, AuditEntry, AuditQuery, AuditRecord, AuditVerification } from "./audit.ts";
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
} from "./egress.ts";
export { createGate } from "./gate.ts";
export { type BubblewrapInstallation, type EnsureBubblewrapOptions, ensureBubblewrap } from "./install.ts";
export { verifyAuditLog } from "./internal/audit-log.ts";
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
} from "./jail.ts";
export { openVault } from "./open-vault.ts";
export type { CredentialSource, ProviderStatus, Vault } from "./vault.ts";
