import { HoldfastError } from "@holdfast/core";
import type { BrokerConfig } from "./broker/broker.ts";
import type { GateConfig, VaultConfig } from "./config.ts";
import type { EgressConfig } from "./egress/egress-config.ts";
import { jailDriverNames } from "./jail/probe-drivers.ts";
import type { PluginsConfig } from "./plugins/plugins.ts";

/** All names of options: one that is missing here fails to compile. */
type Options<Config> = Readonly<Record<keyof Config, true>>;

const options: Options<GateConfig> = {
  ...{ dataDir: true, jails: true, vault: true, egress: true, plugins: true, broker: true },
  ...{ policy: true, shared: true, log: true, clock: true, onDecision: true, onUsage: true },
};

const jails: Options<NonNullable<GateConfig["jails"]>> = {
  ...{ driver: true, allowUnsafe: true, whenUnavailable: true, proof: true, proofFile: true },
  ...{ bwrapPath: true, runscPath: true, engineSocket: true, containerPath: true, containerImage: true },
};

const vault: Options<VaultConfig> = {
  ...{ env: true, homeDir: true, logins: true, claudeTokenUrl: true, chatgptTokenUrl: true },
};

const egress: Options<EgressConfig> = {
  ...{ budgets: true, prices: true, networks: true, intercept: true, hosts: true, resolve: true },
};

const plugins: Options<PluginsConfig> = {
  ...{ builtInDirectory: true, userDirectory: true, credentialsDirectory: true, grants: true },
  ...{ config: true, watch: true, onEvent: true, installSources: true },
};

const broker: Options<BrokerConfig> = {
  ...{ rateLimits: true, handlerTimeoutMs: true, confirmWaitMs: true, costOf: true },
};

function invalid(message: string): HoldfastError {
  return new HoldfastError("gate", "invalid_config", message, { statusCode: 400 });
}

function checkNames(value: unknown, known: Readonly<Record<string, true>>, where: string): void {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null) throw invalid(`${where} must be an object`);
  const unknown = Object.keys(value).find((name) => !Object.hasOwn(known, name));
  if (unknown === undefined) return;
  throw invalid(`${where} has no option "${unknown}". Its options are: ${Object.keys(known).join(", ")}`);
}

/**
 * Refuses unknown options, which TypeScript cannot catch in a JavaScript program: a mistyped name would leave the gate
 * with less protection than its owner wanted. Throws `gate.invalid_config`.
 */
export function checkGateConfig(config: GateConfig): void {
  checkNames(config, options, "createGate");
  checkNames(config.jails, jails, "createGate: jails");
  checkNames(config.vault, vault, "createGate: vault");
  checkNames(config.egress, egress, "createGate: egress");
  checkNames(config.plugins, plugins, "createGate: plugins");
  checkNames(config.broker, broker, "createGate: broker");
  const { driver } = config.jails ?? {};
  const drivers: readonly unknown[] = [...jailDriverNames, "none"];
  if (driver !== undefined && !drivers.includes(driver))
    throw invalid(`createGate: there is no jail driver "${driver}". The drivers are: ${drivers.join(", ")}`);
}
