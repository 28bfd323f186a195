/** The composition root: opens the parts of a gate in order, joins them, and closes them. */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, HoldfastError, type Logger, silentLogger, systemClock } from "@holdfast/core";
import { ApprovalStore } from "./approvals/approval-store.ts";
import { NodeApprovals } from "./approvals/node-approvals.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { CheckpointKey } from "./audit/checkpoint.ts";
import { Broker, type OpenBrokerOptions, type OpenedBroker } from "./broker/broker.ts";
import type { ToolCatalog } from "./broker/catalog.ts";
import { checkGateConfig } from "./check-config.ts";
import type { Gate, GateConfig, GateStage, GateStatus } from "./config.ts";
import { requireDataDirectory } from "./data-directory.ts";
import { PublicResolver } from "./egress/decisions/public-address.ts";
import type { Egress, EgressHost, EgressOptions } from "./egress/egress.ts";
import { checkBudget, loadEgressConfig } from "./egress/egress-config.ts";
import type { BudgetRule } from "./egress/metering/budget.ts";
import { BudgetLedger } from "./egress/metering/budget-ledger.ts";
import type { Budgets } from "./egress/metering/budgets.ts";
import { Prices } from "./egress/metering/prices.ts";
import { SharedBudgets } from "./egress/metering/shared-budgets.ts";
import { EgressProxy } from "./egress/proxy/egress-proxy.ts";
import type { Jail, JailDriver } from "./jail/jail.ts";
import { JailRegistry } from "./jail/jail-registry.ts";
import { openDriver } from "./jail/open-driver.ts";
import { endUnconfined, gateIdOf } from "./jail/orphans.ts";
import { Membership } from "./nodes/membership.ts";
import { unmarkNode } from "./nodes/node-marker.ts";
import type { GateNodes, SharedGate } from "./nodes/shared-gate.ts";
import { withSettings } from "./plugins/manifest/plugin-settings.ts";
import { PluginHost } from "./plugins/plugin-host.ts";
import type { PluginsConfig } from "./plugins/plugins.ts";
import { type AcceptedRule, AcceptedRules, type RuleAcceptance } from "./policy/accepted-rules.ts";
import type { Evaluation } from "./policy/evaluate.ts";
import { FilePolicy } from "./policy/file-policy.ts";
import { explainPolicy, openPolicy, policyStatus } from "./policy/open-policy.ts";
import type { Policy, PolicyExplainQuestion } from "./policy/policy.ts";
import type { PolicyRule } from "./policy/rule.ts";
import { makeSocketFolder, type SocketFolder } from "./socket-folder.ts";
import { CredentialVault, vaultFiles } from "./vault/credential-vault.ts";

/**
 * Opens a gate. This is the only composition root: the CLI, the Studio and every security test start it. It ends the jails
 * of a killed gate, proves the guarantees of this machine's jails, and refuses to start when a stage is not the real one.
 * Throws `gate.invalid_config`, `jail.unavailable`, `jail.unsafe_not_allowed`, `gate.already_open`, `audit.corrupt`,
 * `plugin.invalid_settings`.
 */
export async function createGate(config: GateConfig): Promise<Gate> {
  checkGateConfig(config);
  const clock = config.clock ?? systemClock;
  const log = config.log ?? silentLogger;
  const dataDir = requireDataDirectory(config.dataDir, "createGate");
  const directory = join(dataDir, "gate");
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  // Opened first: its lock proves that no other gate owns this directory and its jails.
  const store = ApprovalStore.open(join(directory, "approvals.db"), clock);
  const opened: { close(): Promise<void> | void }[] = [store];
  try {
    const signing = await CheckpointKey.open(join(dataDir, "vault"));
    const auditPath = join(directory, "audit.log");
    const audit = await AuditLog.open(auditPath, clock, log, signing);
    opened.unshift(audit);
    const { shared } = config;
    const approvals =
      shared === undefined ? store : new NodeApprovals({ shared: shared.approvals, clock, log });
    const files = vaultFiles(join(dataDir, "vault"), clock);
    const member = shared && new Membership({ shared, dataDir, files, audit, auditPath, key: signing, log });
    if (member === undefined) unmarkNode(dataDir);
    const unconfined = await endUnconfined(gateIdOf(directory));
    const { driver, orphansEnded: jailsEnded } = await openDriver(config.jails ?? {}, directory);
    opened.unshift(driver);
    const orphansEnded = unconfined + jailsEnded;
    if (orphansEnded > 0) {
      log.warn("ended jails of a killed host", { jails: orphansEnded });
      await audit.append({ type: "jail.orphans_ended", data: { jails: orphansEnded } });
    }
    const egress = await loadEgressConfig(dataDir, config.egress);
    const ledger = openBudgets(join(directory, "usage.db"), clock, log, egress.budgets ?? [], shared);
    opened.unshift(ledger);
    const prices = new Prices(egress.prices);
    const names = new PublicResolver(egress.networks, egress.resolve);
    const vault = new CredentialVault(member?.stores ?? files, config.vault ?? {}, clock);
    for (const key of shared?.keys.texts ?? []) vault.secrets.add(key);
    const sockets = await makeSocketFolder(join(directory, "s"));
    opened.unshift({ close: () => sockets.remove() });
    const policy = config.policy ?? openPolicy(dataDir, { audit, log });
    const broker = new Broker({
      ...{ sockets: sockets.path, clock, log, audit, approvals, secrets: vault.secrets },
      ratesPath: join(directory, "rates.json"),
      taintPath: join(directory, "taint.db"),
      policy,
      config: config.broker ?? {},
      ...(shared === undefined ? {} : { shared: { buckets: shared.buckets, taint: shared.taint } }),
    });
    opened.unshift(broker);
    const gate = new RealGate(config, {
      broker,
      policy,
      clock,
      sockets,
      driver,
      orphansEnded,
      audit,
      approvals,
      store,
      vault,
      ledger,
      prices,
      names,
      intercept: egress.intercept === true,
      hosts: egress.hosts ?? [],
      plugins: await withSettings(dataDir, config.plugins),
      member,
    });
    // From now on the gate closes all of them.
    opened.splice(0, opened.length, gate);
    await audit.append({ type: "gate.open", data: { driver: driver.name, unsafe: driver.unsafe } });
    if (member === undefined) await gate.plugins.open();
    return gate;
  } catch (error) {
    for (const part of opened) await part.close();
    throw error;
  }
}

/** The budgets of this gate alone, or those that it shares. */
function openBudgets(
  path: string,
  clock: Clock,
  log: Logger,
  rules: readonly BudgetRule[],
  shared: SharedGate | undefined,
): Budgets {
  if (shared === undefined) return BudgetLedger.open(path, clock, rules);
  const { allowances, node } = shared;
  return new SharedBudgets({ ledger: BudgetLedger.open(path, clock), allowances, node, clock, log, rules });
}

function closed(): HoldfastError {
  return new HoldfastError("gate", "closed", "The gate is closed", { statusCode: 503 });
}

interface GateParts {
  readonly clock: Clock;
  readonly sockets: SocketFolder;
  readonly driver: JailDriver;
  readonly orphansEnded: number;
  readonly audit: AuditLog;
  readonly approvals: ApprovalStore | NodeApprovals;
  /** The approvals of this gate alone, whose file is also its lock. */
  readonly store: ApprovalStore;
  readonly vault: CredentialVault;
  readonly broker: Broker;
  readonly policy: Policy;
  readonly ledger: Budgets;
  readonly prices: Prices;
  readonly names: PublicResolver;
  /** Whether tunnels are intercepted in jails without a setting of their own. */
  readonly intercept: boolean;
  /** Hosts of jails without a list of their own. */
  readonly hosts: readonly EgressHost[];
  readonly plugins: PluginsConfig;
  readonly member: Membership | undefined;
}

class RealGate implements Gate {
  readonly jails: JailRegistry;
  readonly #config: GateConfig;
  readonly #parts: GateParts;
  readonly #egress = new Map<string, Egress>();
  /** Ids of jails whose egress is being opened. */
  readonly #opening = new Set<string>();
  /** Sockets that are being made: the end of the gate waits for them, so that none of them outlives it. */
  readonly #unfinished = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;
  #joining: Promise<void> | undefined;
  readonly plugins: PluginHost;

  constructor(config: GateConfig, parts: GateParts) {
    this.#config = config;
    this.#parts = parts;
    const { driver, broker } = parts;
    const observer = {
      started: (jail: Jail) => broker.jailStarted(jail, !driver.unsafe),
      ended: (jailId: string) => broker.jailEnded(jailId),
    };
    this.jails = new JailRegistry(driver, parts.audit, { observer, now: () => parts.clock.now() });
    this.plugins = this.#makePlugins(config, parts);
    this.tools.register(this.plugins, { skipInvalid: true });
  }

  get vault() {
    return this.#parts.vault;
  }

  get prices(): Prices {
    return this.#parts.prices;
  }

  get approvals() {
    return this.#parts.approvals;
  }

  get audit() {
    return this.#parts.audit;
  }

  get tools(): ToolCatalog {
    return this.#parts.broker.catalog;
  }

  openBroker(options: OpenBrokerOptions): Promise<OpenedBroker> {
    return this.#whileOpen(() => this.#parts.broker.open(options));
  }

  /** Opens something unless the gate is closed; closes it again if the gate closes while it opens. */
  async #whileOpen<T extends { close(): Promise<void> }>(open: () => Promise<T>): Promise<T> {
    this.#checkOpen();
    const opening = open().then(async (opened) => {
      if (this.#closing === undefined) return opened;
      await opened.close();
      throw closed();
    });
    this.#unfinished.add(opening);
    try {
      return await opening;
    } finally {
      this.#unfinished.delete(opening);
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  taint(session: string, reason: string): Promise<void> {
    return this.#parts.broker.markTainted({ session }, reason);
  }

  #makePlugins(config: GateConfig, { clock, audit, vault, sockets, plugins }: GateParts): PluginHost {
    return new PluginHost({
      config: plugins,
      dataDir: requireDataDirectory(config.dataDir, "createGate"),
      sockets: sockets.path,
      jails: this.jails,
      // Plugins run in jails of this gate and use its egress.
      openEgress: (options) => this.openEgress(options),
      audit,
      clock,
      log: config.log ?? silentLogger,
      redact: (text) => this.redact(text),
      scanner: () => vault.secrets.scanner(),
      remember: (secret) => vault.secrets.add(secret),
      ...(config.shared === undefined ? {} : { shared: config.shared.plugins }),
    });
  }

  get nodes(): GateNodes | undefined {
    return this.#parts.member;
  }

  join(): Promise<void> {
    this.#joining ??= this.#join();
    return this.#joining;
  }

  async #join(): Promise<void> {
    const { member, policy, approvals } = this.#parts;
    if (member === undefined) return;
    await member.join(policy);
    if (approvals instanceof NodeApprovals) approvals.join();
    await this.plugins.open();
  }

  async leave(): Promise<void> {
    const { member, broker, ledger, approvals } = this.#parts;
    if (member === undefined) return;
    if (approvals instanceof NodeApprovals) approvals.leave();
    await broker.leave();
    if (ledger instanceof SharedBudgets) await ledger.leave();
    await member.leave();
  }

  redact(text: string): string {
    return this.#parts.vault.redact(text);
  }

  explainPolicy(question: PolicyExplainQuestion): Evaluation {
    return explainPolicy(this.#parts.policy, this.tools, question);
  }

  takesPolicyRule(rule: PolicyRule): boolean {
    const { policy } = this.#parts;
    return policy instanceof FilePolicy && policy.takes(rule);
  }

  addPolicyRule(rule: PolicyRule, acceptance: RuleAcceptance): Promise<void> {
    return this.#acceptedRules().add(rule, acceptance);
  }

  acceptedRules(): Promise<readonly AcceptedRule[]> {
    return this.#acceptedRules().list();
  }

  removePolicyRule(id: string, by: string): Promise<boolean> {
    return this.#acceptedRules().remove(id, by);
  }

  #acceptedRules(): AcceptedRules {
    const { policy, audit, member } = this.#parts;
    return new AcceptedRules(policy, audit, member);
  }

  async status(): Promise<GateStatus> {
    const { driver, orphansEnded, vault, ledger, policy } = this.#parts;
    await driver.prove?.();
    return {
      driver: driver.name,
      unsafe: driver.unsafe,
      guarantees: driver.guarantees,
      stages: this.#stages(),
      providers: await vault.status(),
      budgets: await ledger.status(),
      policy: policyStatus(policy),
      jails: this.jails.list().length,
      orphansEnded,
    };
  }

  #stages(): GateStage[] {
    const { driver } = this.#parts;
    const open = this.#closing === undefined;
    return [
      {
        name: "jails",
        inForce: open && !driver.unsafe && driver.refusal === undefined,
        detail: driver.unsafe
          ? "UNSAFE: agents run on the host without a jail"
          : (driver.refusal?.message ?? `${driver.name}, self-test passed`),
      },
      {
        name: "egress",
        inForce: open && !driver.unsafe,
        detail: driver.unsafe
          ? "UNSAFE: agents may bypass the proxy"
          : `the only way out of jails; ${this.#egress.size} open`,
      },
      { name: "broker", inForce: open, detail: this.#parts.broker.detail },
      { name: "vault", inForce: open, detail: "keys stay on the host, encrypted at rest" },
      { name: "approvals", inForce: open, detail: "durable, single use" },
      { name: "audit", inForce: open, detail: "hash-chained, signed, a record before each effect" },
    ];
  }

  openEgress(options: EgressOptions): Promise<Egress> {
    return this.#whileOpen(() => this.#openEgress(options));
  }

  async #openEgress(options: EgressOptions): Promise<Egress> {
    const { jailId } = options;
    if (this.#egress.has(jailId) || this.#opening.has(jailId)) {
      throw new HoldfastError(
        "egress",
        "duplicate_jail",
        `The jail ${jailId} already has an egress. Close it first`,
        {
          statusCode: 409,
        },
      );
    }
    this.#opening.add(jailId);
    try {
      const { clock, sockets, vault, audit, ledger, prices, names, intercept, hosts } = this.#parts;
      const proxy = await EgressProxy.open({
        ...options,
        intercept: options.intercept ?? intercept,
        hosts: options.hosts ?? hosts,
        budgets: (options.budgets ?? []).map(checkBudget),
        directory: sockets.path,
        vault,
        audit,
        clock,
        ledger,
        spending: this.#parts.broker.spending,
        prices,
        names,
        onOutside: async (reason) => {
          if (options.taints !== false) await this.#parts.broker.markTainted(options, reason);
        },
        onDecision: (decision) => {
          options.onDecision?.(decision);
          this.#config.onDecision?.(decision);
        },
        onUsage: (usage) => {
          options.onUsage?.(usage);
          this.#config.onUsage?.(usage);
        },
      });
      this.#egress.set(jailId, proxy);
      return {
        jailId,
        socketPath: proxy.socketPath,
        placeholderKey: proxy.placeholderKey,
        ...(proxy.authority === undefined ? {} : { authority: proxy.authority }),
        explain: (method, url) => proxy.explain(method, url),
        close: async () => {
          if (this.#egress.get(jailId) === proxy) this.#egress.delete(jailId);
          await proxy.close();
        },
      };
    } finally {
      this.#opening.delete(jailId);
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { audit, approvals, store, sockets, driver, ledger, broker } = this.#parts;
    // The shared state may have ended already: then what this gate holds of it counts as used.
    await this.leave();
    await Promise.allSettled(this.#unfinished);
    await broker.endCalls();
    await this.plugins.close();
    await this.jails.close();
    await Promise.all([...this.#egress.values()].map((each) => each.close()));
    // Model calls that were running have been charged by now.
    await broker.close();
    await sockets.remove();
    // Not required, so that a gate closes on a full disk too.
    await audit.note({ type: "gate.close" });
    await audit.close();
    await ledger.close();
    await driver.close();
    approvals.close();
    if (store !== approvals) store.close();
  }
}
