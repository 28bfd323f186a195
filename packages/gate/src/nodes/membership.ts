import type { Logger } from "@holdfast/core";
import type { AuditRecord } from "../audit/audit.ts";
import type { AuditLog } from "../audit/audit-log.ts";
import { AuditChains, type ChainVerification } from "../audit/chains/chains.ts";
import { Replicator } from "../audit/chains/replicator.ts";
import type { CheckpointKey } from "../audit/checkpoint.ts";
import { FilePolicy } from "../policy/file-policy.ts";
import type { Policy } from "../policy/policy.ts";
import type { PolicyRule } from "../policy/rule.ts";
import type { VaultStores } from "../vault/credential-vault.ts";
import { SealedVault } from "../vault/sealed/sealed-vault.ts";
import { markNode, nodeOf } from "./node-marker.ts";
import type { GateNodes, NodesAuditQuery, SharedGate } from "./shared-gate.ts";

export interface MembershipOptions {
  readonly shared: SharedGate;
  readonly dataDir: string;
  /** Credentials and grants of the data directory, from before it belonged to a node. */
  readonly files: VaultStores;
  readonly audit: AuditLog;
  readonly auditPath: string;
  readonly key: CheckpointKey;
  readonly log: Logger;
}

/** This gate among those of the other nodes: proves its key, joins its audit chain, and follows the shared rules. */
export class Membership implements GateNodes {
  readonly vault: SealedVault;
  readonly #options: MembershipOptions;
  readonly #chains: AuditChains;
  readonly #replicator: Replicator;
  readonly #ends: (() => void)[] = [];
  #policy: Policy | undefined;
  /** Serializes readings of the rules, so that an older one never replaces a newer. */
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { shared, audit, auditPath, key, log } = options;
    this.vault = new SealedVault(shared.vault, shared.keys);
    const archive = shared.audit;
    this.#chains = new AuditChains({
      ...{ node: shared.node, own: audit, key, archive },
      keys: this.vault.auditKeys,
    });
    this.#replicator = new Replicator({
      ...{ chain: this.#chains.own, path: auditPath, log: audit, archive, logger: log },
    });
    audit.replicate(shared.node, this.#replicator.written);
  }

  get node(): string {
    return this.#options.shared.node;
  }

  get stores(): VaultStores {
    return this.vault;
  }

  /** Throws `vault.wrong_cluster_key`, `audit.corrupt`. */
  async join(policy: Policy): Promise<void> {
    const { shared, log } = this.#options;
    await this.vault.join(log);
    await this.#copyFiles();
    await this.#chains.register();
    await this.#replicator.join();
    this.#ends.push(this.#chains.answer());
    this.#policy = policy;
    this.#ends.push(shared.rules.onChange(() => void this.#readRules()));
    await this.#readRules();
  }

  /**
   * The first time that a data directory belongs to a node, its secrets and grants become those of all nodes. What the
   * nodes have stays; the files are kept for one machine.
   */
  async #copyFiles(): Promise<void> {
    const { dataDir, files, shared, log } = this.#options;
    if (nodeOf(dataDir) === undefined) {
      const known = new Set(await this.vault.credentials.names());
      const names = (await files.credentials.names()).filter((name) => !known.has(name));
      for (const name of names) {
        const value = await files.credentials.get(name);
        if (value !== undefined) await this.vault.credentials.set(name, value);
      }
      const granted = new Set((await this.vault.grants.all()).map(({ id }) => id));
      const grants = (await files.grants.all()).filter(({ id }) => !granted.has(id));
      for (const grant of grants) await this.vault.grants.add(grant, () => {});
      if (names.length + grants.length > 0)
        log.warn("secrets of this data directory were copied to the vault of all nodes", {
          secrets: names.length,
          grants: grants.length,
        });
    }
    await markNode(dataDir, shared.node);
  }

  /** Takes over the rules of all nodes. If they cannot be read, the known ones stay: without a rule, a call asks. */
  #readRules(): Promise<unknown> {
    this.#reading = this.#reading.then(async () => {
      try {
        const rules = await this.#options.shared.rules.list();
        if (this.#policy instanceof FilePolicy) this.#policy.setAdded(rules);
      } catch (error) {
        this.#options.log.warn("the policy rules of the other nodes could not be read", { error });
      }
    });
    return this.#reading;
  }

  async addRule(rule: PolicyRule): Promise<void> {
    await this.#options.shared.rules.add(rule);
    await this.#readRules();
  }

  policyRules(): Promise<readonly PolicyRule[]> {
    return this.#options.shared.rules.list();
  }

  async removePolicyRule(id: string, by: string): Promise<boolean> {
    await this.#options.audit.append({ type: "policy.rule_removed", data: { rule: id, by } });
    const removed = await this.#options.shared.rules.remove(id);
    await this.#readRules();
    return removed;
  }

  verifyAudit(): Promise<readonly ChainVerification[]> {
    return this.#chains.verify();
  }

  queryAudit(query?: NodesAuditQuery): Promise<readonly AuditRecord[]> {
    return this.#chains.query(query);
  }

  auditNodes(): Promise<readonly string[]> {
    return this.#chains.nodes();
  }

  /** Copies the last audit records, and follows the other nodes no more. Idempotent. */
  async leave(): Promise<void> {
    for (const end of this.#ends.splice(0)) end();
    await this.#replicator.close();
  }
}
