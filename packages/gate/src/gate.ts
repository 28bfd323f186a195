/** The composition root: opens the parts of a gate in order, joins them, and closes them. */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, HoldfastError, silentLogger, systemClock } from "@holdfast/core";
import { ApprovalStore } from "./approvals/approval-store.ts";
import { AuditLog } from "./audit/audit-log.ts";
import { CheckpointKey } from "./audit/checkpoint.ts";
import { Broker, type OpenBrokerOptions, type OpenedBroker } from "./broker/broker.ts";
import type { ToolCatalog } from "./broker/catalog.ts";
import { checkGateConfig } from "./check-config.ts";
import type { Gate, GateConfig, GateStage, GateStatus } from "./config.ts";
import { requireDataDirectory } from "./data-directory.ts";
import { PublicResolver } from "./egress/decisions/public-address.ts";
import type { Egress, EgressOptions } from "./egress/egress.ts";
import { checkBudget, loadEgressConfig } from "./egress/egress-config.ts";
import { BudgetLedger } from "./egress/metering/budget-ledger.ts";
import { Prices } from "./egress/metering/prices.ts";
import { EgressProxy } from "./egress/proxy/egress-proxy.ts";
import type { JailDriver } from "./jail/jail.ts";
import { JailRegistry } from "./jail/jail-registry.ts";
import { openDriver } from "./jail/open-driver.ts";
import { endUnconfined, gateIdOf } from "./jail/orphans.ts";
import { withSettings } from "./plugins/manifest/plugin-settings.ts";
import { PluginHost } from "./plugins/plugin-host.ts";
import type { Evaluation } from "./policy/evaluate.ts";
import { FilePolicy } from "./policy/file-policy.ts";
import { explainPolicy, openPolicy, policyStatus } from "./policy/open-policy.ts";
import type { Policy, PolicyExplainQuestion } from "./policy/policy.ts";
import type { PolicyRule } from "./policy/rule.ts";
import { makeSocketFolder, type SocketFolder } from "./socket-folder.ts";
import { CredentialVault } from "./vault/credential-vault.ts";

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
  const approvals = ApprovalStore.open(join(directory, "approvals.db"), clock);
  const opened: { close(): Promise<void> | void }[] = [approvals];
  try {
    const signing = await CheckpointKey.open(join(dataDir, "vault"));
    const audit = await AuditLog.open(join(directory, "audit.log"), clock, log, signing);
    opened.unshift(audit);
    const unconfined = await endUnconfined(gateIdOf(directory));
    const { driver, orphansEnded: jailsEnded } = await openDriver(config.jails ?? {}, directory);
    opened.unshift(driver);
    const orphansEnded = unconfined + jailsEnded;
    if (orphansEnded > 0) {
      log.warn("ended jails of a killed host", { jails: orphansEnded });
      await audit.append({ type: "jail.orphans_ended", data: { jails: orphansEnded } });
    }
    const egress = await loadEgressConfig(dataDir, config.egress);
    const ledger = BudgetLedger.open(join(directory, "usage.db"), clock, egress.budgets);
    opened.unshift(ledger);
    const prices = new Prices(egress.prices);
    const names = new PublicResolver(egress.networks, egress.resolve);
    const vault = new CredentialVault(join(dataDir, "vault"), config.vault ?? {}, clock);
    const sockets = await makeSocketFolder(join(directory, "s"));
    opened.unshift({ close: () => sockets.remove() });
    const policy = config.policy ?? openPolicy(dataDir, { audit, log });
    const broker = new Broker({
      ...{ sockets: sockets.path, clock, log, audit, approvals, secrets: vault.secrets },
      ratesPath: join(directory, "rates.json"),
      taintPath: join(directory, "taint.db"),
      policy,
      config: config.broker ?? {},
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
      vault,
      ledger,
      prices,
      names,
      intercept: egress.intercept === true,
    });
    // From now on the gate closes all of them.
    opened.splice(0, opened.length, gate);
    await audit.append({ type: "gate.open", data: { driver: driver.name, unsafe: driver.unsafe } });
    await gate.openPlugins();
    return gate;
  } catch (error) {
    for (const part of opened) await part.close();
    throw error;
  }
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
  readonly approvals: ApprovalStore;
  readonly vault: CredentialVault;
  readonly broker: Broker;
  readonly policy: Policy;
  readonly ledger: BudgetLedger;
  readonly prices: Prices;
  readonly names: PublicResolver;
  /** Whether tunnels are intercepted in jails without a setting of their own. */
  readonly intercept: boolean;
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
  #plugins: PluginHost | undefined;

  constructor(config: GateConfig, parts: GateParts) {
    this.#config = config;
    this.#parts = parts;
    const { driver, broker } = parts;
    this.jails = new JailRegistry(driver, parts.audit, {
      started: (jail) => broker.jailStarted(jail, !driver.unsafe),
      ended: (jailId) => broker.jailEnded(jailId),
    });
  }

  get vault() {
    return this.#parts.vault;
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

  get plugins(): PluginHost {
    if (this.#plugins === undefined) throw new Error("The gate is not open yet");
    return this.#plugins;
  }

  /** The last step of opening: plugins run in jails of this gate and use its egress. */
  async openPlugins(): Promise<void> {
    const { clock, audit, vault, sockets } = this.#parts;
    const dataDir = requireDataDirectory(this.#config.dataDir, "createGate");
    this.#plugins = new PluginHost({
      config: await withSettings(dataDir, this.#config.plugins),
      dataDir,
      sockets: sockets.path,
      jails: this.jails,
      openEgress: (options) => this.openEgress(options),
      audit,
      clock,
      log: this.#config.log ?? silentLogger,
      redact: (text) => this.redact(text),
      scanner: () => vault.secrets.scanner(),
      remember: (secret) => vault.secrets.add(secret),
    });
    this.tools.register(this.#plugins, { skipInvalid: true });
    await this.#plugins.open();
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

  async addPolicyRule(rule: PolicyRule, by: string): Promise<void> {
    const { policy, audit } = this.#parts;
    if (!(policy instanceof FilePolicy))
      throw new HoldfastError(
        "policy",
        "no_file",
        "The program set the policy, so there is no policy file to add a rule to",
        { statusCode: 409 },
      );
    const data = { rule: rule.id, tools: rule.tools, by };
    await audit.append({ type: "policy.rule_added", data });
    try {
      await policy.add(rule);
    } catch (error) {
      // The earlier record only says that the rule was about to be added.
      await audit.note({ type: "policy.rule_refused", data });
      throw error;
    }
  }

  async status(): Promise<GateStatus> {
    const { driver, orphansEnded, vault, ledger, policy } = this.#parts;
    return {
      driver: driver.name,
      unsafe: driver.unsafe,
      guarantees: driver.guarantees,
      stages: this.#stages(),
      providers: await vault.status(),
      budgets: ledger.status(),
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
      const { clock, sockets, vault, audit, ledger, prices, names, intercept } = this.#parts;
      const proxy = await EgressProxy.open({
        ...options,
        intercept: options.intercept ?? intercept,
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
    const { audit, approvals, sockets, driver, ledger, broker } = this.#parts;
    await Promise.allSettled(this.#unfinished);
    await broker.endCalls();
    await this.#plugins?.close();
    await this.jails.close();
    await Promise.all([...this.#egress.values()].map((each) => each.close()));
    // Model calls that were running have been charged by now.
    await broker.close();
    await sockets.remove();
    // Not required, so that a gate closes on a full disk too.
    await audit.note({ type: "gate.close" });
    await audit.close();
    ledger.close();
    await driver.close();
    approvals.close();
  }
}
