/** Public API of the gate, its options, and `createGate`, which composes it. @module */
export { ApprovalBook, type ApprovalRecords, isOpen as isOpenApproval } from "./approvals/approval-book.ts";
export { approvalLimits } from "./approvals/approval-limits.ts";
export type { ApprovalQuestion } from "./approvals/approval-question.ts";
export type {
  Approval,
  ApprovalDecision,
  ApprovalFilter,
  ApprovalRequest,
  ApprovalState,
  Approvals,
} from "./approvals/approvals.ts";
export type { SharedApprovals } from "./approvals/shared-approvals.ts";
export type { Attack, AttackFinding, AttackGroup, AttackReport, AttackResult } from "./attacks/attack.ts";
export { gateAttacks, type RunAttacksOptions, runAttacks } from "./attacks/run.ts";
export type { Audit, AuditEntry, AuditQuery, AuditRecord, AuditVerification } from "./audit/audit.ts";
export { AuditReader, openAudit, verifyAuditLog } from "./audit/audit-reader.ts";
export { type ArchiveEnd, type AuditArchive, archiveTimes } from "./audit/chains/archive.ts";
export type { ChainVerification } from "./audit/chains/chains.ts";
export { type AuditCheckpoint, parseCheckpoint } from "./audit/checkpoint.ts";
export { type AuditFormat, auditFormats, exportRecords } from "./audit/export.ts";
export { copyAuditLog } from "./audit/segments.ts";
export type { BrokerConfig, OpenBrokerOptions, OpenedBroker } from "./broker/broker.ts";
export { coreToolNames, type ToolCatalog } from "./broker/catalog.ts";
export { type BrokerErrorCode, type BrokerErrorPayload, brokerErrors } from "./broker/errors.ts";
export {
  type EventEnvelope,
  gateMountTarget,
  type RequestEnvelope,
  type ResponseEnvelope,
  type WireRequest,
  type WireTool,
  wireSockets,
  wireTopics,
} from "./broker/messages/wire.ts";
export {
  type Bucket,
  type Rate,
  type RateLimits,
  type RateScope,
  rateLimitDefaults,
  type ScopeRates,
} from "./broker/rates/rates.ts";
export {
  type BucketGrant,
  type BucketRequest,
  type BucketSubject,
  type SharedBuckets,
  takeFromBuckets,
} from "./broker/rates/shared-buckets.ts";
export type { SharedTaint } from "./broker/taint.ts";
export type {
  JsonSchema,
  Principal as ToolPrincipal,
  Tool,
  ToolCall,
  ToolError,
  ToolOutcome,
  ToolProgress,
  ToolSource,
} from "./broker/tool.ts";
export type { Gate, GateConfig, GateStage, GateStatus, VaultConfig } from "./config.ts";
export { requireDataDirectory } from "./data-directory.ts";
export { explainEgress } from "./egress/decisions/explain.ts";
export { isPublicAddress, PublicResolver } from "./egress/decisions/public-address.ts";
export {
  type CredentialForm,
  type Egress,
  type EgressAllowRule,
  type EgressAuthority,
  type EgressCall,
  type EgressCredential,
  type EgressDecision,
  type EgressExplanation,
  type EgressHost,
  type EgressOptions,
  type EgressProvider,
  type EgressUpstream,
  type EgressUsage,
  type ProviderName,
  providerNames,
} from "./egress/egress.ts";
export { type EgressConfig, egressConfigFile, loadEgressConfig } from "./egress/egress-config.ts";
export {
  type AllowanceAnswer,
  type AllowanceRequest,
  type AllowanceState,
  type Allowances,
  type BudgetSubject,
  holdAllowance,
} from "./egress/metering/allowances.ts";
export {
  type BudgetPeriod,
  type BudgetRule,
  type BudgetScope,
  type BudgetStatus,
  budgetPeriods,
  budgetScopes,
  type Spent,
} from "./egress/metering/budget.ts";
export { type ModelPrice, Prices, type PriceTable, priceTable } from "./egress/metering/prices.ts";
export { readBudgetStatus } from "./egress/metering/read-budget-status.ts";
export { modelPath } from "./egress/model-path.ts";
export {
  type GitRepository,
  type GitUpstreamOptions,
  gitEnvironment,
  gitUpstream,
} from "./egress/services/git.ts";
export type {
  GitAccess,
  GitTokenCredential,
  GitTokenMint,
  MintedToken,
} from "./egress/services/git-tokens.ts";
export { type GitHubAppOptions, githubAppTokens } from "./egress/services/github-app.ts";
export {
  type HostRegistry,
  type HostRegistryOptions,
  hostRegistry,
  npmEnvironment,
  npmUpstream,
} from "./egress/services/npm.ts";
export { authorityEnvironment } from "./egress/tunnels/authority-files.ts";
export { createGate } from "./gate.ts";
export {
  type BubblewrapInstallation,
  type EnsureBubblewrapOptions,
  ensureBubblewrap,
} from "./jail/bubblewrap/install.ts";
export { keepErrorTail } from "./jail/error-tail.ts";
export type {
  Guarantee,
  GuaranteeName,
  Jail,
  JailDriver,
  JailDriverName,
  JailExit,
  JailExitReason,
  JailLimits,
  JailMount,
  JailSpec,
  Jails,
  JailUsage,
  RunningJail,
  SelfTestReport,
  ToolResult,
  ToolSpec,
} from "./jail/jail.ts";
export { JailLayout } from "./jail/jail-layout.ts";
export { defaultJailDriver } from "./jail/open-driver.ts";
export {
  type ConfiningDriverName,
  type DriverReport,
  jailDriverNames,
  probeDrivers,
} from "./jail/probe-drivers.ts";
export { proofFileOfEnvironment } from "./jail/self-test/proof-file.ts";
export { nodeOf } from "./nodes/node-marker.ts";
export type { GateNodes, NodesAuditQuery, SharedGate } from "./nodes/shared-gate.ts";
export type { PluginConnection } from "./plugins/credentials/connections.ts";
export { pluginSettingsFile } from "./plugins/manifest/plugin-settings.ts";
export type { PluginGit, PluginGrant } from "./plugins/plugin-grant.ts";
export type { PluginState, PluginStatus, Plugins, PluginsConfig } from "./plugins/plugins.ts";
export type {
  SharedPluginAnswer,
  SharedPluginCall,
  SharedPluginHost,
  SharedPlugins,
  SharedPluginWork,
} from "./plugins/shared-plugins.ts";
export { toolNamesFile } from "./plugins/tool-names.ts";
export type { AcceptedRule, RuleAcceptance } from "./policy/accepted-rules.ts";
export { withAcceptedRules } from "./policy/add-rule.ts";
export { type DryRunRow, dryRunPolicy } from "./policy/dry-run.ts";
export { type Evaluation, evaluate as evaluatePolicy, type PolicyStep } from "./policy/evaluate.ts";
export { parsePolicy } from "./policy/parse-policy.ts";
export type {
  Policy,
  PolicyAction,
  PolicyDecision,
  PolicyExplainQuestion,
  PolicyQuestion,
  PolicyStatus,
} from "./policy/policy.ts";
export { proposeRule } from "./policy/propose.ts";
export {
  type PolicyCondition,
  type PolicyRule,
  type PolicyRules,
  type PolicySubject,
  policyFile,
  policySubjects,
} from "./policy/rule.ts";
export type { SharedRules } from "./policy/shared-rules.ts";
export { makeSocketFolder, type SocketFolder } from "./socket-folder.ts";
export type { Grant, Principal, SecretOwner } from "./vault/grants.ts";
export { openVault } from "./vault/open-vault.ts";
export { ClusterKeys, type SealedEntry } from "./vault/sealed/cluster-keys.ts";
export type { SealedEntries, SealedList } from "./vault/sealed/sealed-entries.ts";
export type { CredentialSource, ProviderStatus, SecretEntry, Vault } from "./vault/vault.ts";
